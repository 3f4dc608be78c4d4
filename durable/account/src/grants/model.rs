//! Random interleavings of grant, refresh, reuse and revocation against a model of what RFC 9700 section 4.14 demands.
//!
//! The model knows nothing of tables: a grant is a tree of tokens, each with its parent and the time it was first used.

#![allow(clippy::arithmetic_side_effects)]
use super::tests::refresh_request;
use super::{GRACE_MS, Granted, REFRESH_LIFETIME_MS, REVOKED_KEPT_MS, Refusal, revoke, revoke_token, told, untold};
use crate::testing::Account;

/// xorshift64*: repeatable, and good enough to choose steps.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % bound
    }
}

struct Token {
    secret: String,
    parent: Option<usize>,
    /// When it was first used, and how often it was.
    used: Option<i64>,
    uses: u32,
}

#[derive(Default)]
struct Grant {
    id: String,
    tokens: Vec<Token>,
    ends_ms: i64,
    revoked: bool,
}

impl Grant {
    fn of(granted: Granted, now_ms: i64) -> Self {
        let first = Token { secret: granted.refresh_token, parent: None, used: None, uses: 0 };
        Self { id: granted.grant_id, tokens: vec![first], ends_ms: now_ms + REFRESH_LIFETIME_MS, revoked: false }
    }

    fn was_used(&self, index: usize) -> bool {
        self.tokens[index].uses > 0
    }

    fn children(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.tokens.len()).filter(move |other| self.tokens[*other].parent == Some(index))
    }

    /// Whether somebody has gone on from a token that excludes this one: its sibling, or its own successor.
    fn is_overtaken(&self, index: usize) -> bool {
        let siblings = self.tokens[index].parent.map(|parent| self.children(parent).collect::<Vec<_>>());
        let by_sibling =
            siblings.is_some_and(|siblings| siblings.into_iter().any(|other| other != index && self.was_used(other)));
        by_sibling || self.children(index).any(|child| self.was_used(child))
    }

    /// The expected outcome of a refresh with this token.
    fn expected(&self, index: usize, now_ms: i64) -> Result<(), (Refusal, bool)> {
        let token = &self.tokens[index];
        if self.revoked {
            return Err((Refusal::Revoked, false));
        }
        if self.ends_ms <= now_ms {
            return Err((Refusal::Expired, false));
        }
        let in_grace = token.uses == 1 && token.used.is_some_and(|used| now_ms - used <= GRACE_MS);
        if self.is_overtaken(index) || !(token.uses == 0 || in_grace) {
            return Err((Refusal::Reused, true));
        }
        Ok(())
    }

    fn rotated(&mut self, index: usize, secret: String, now_ms: i64) {
        let token = &mut self.tokens[index];
        token.uses += 1;
        token.used.get_or_insert(now_ms);
        self.tokens.push(Token { secret, parent: Some(index), used: None, uses: 0 });
        self.ends_ms = now_ms + REFRESH_LIFETIME_MS;
    }
}

struct World {
    account: Account,
    grants: Vec<Grant>,
    now_ms: i64,
}

impl World {
    fn step(&mut self, dice: &mut Dice) {
        self.now_ms += match dice.below(40) {
            0 => REFRESH_LIFETIME_MS / 2,
            1..=4 => GRACE_MS,
            5..=10 => GRACE_MS / 2,
            _ => 1,
        };
        if self.grants.is_empty() || dice.below(20) == 0 {
            let granted = self.account.grant(self.now_ms);
            // A new grant clears away what ended long ago.
            let since = self.now_ms - REVOKED_KEPT_MS;
            self.grants.retain(|grant| grant.revoked || grant.ends_ms >= since);
            return self.grants.push(Grant::of(granted, self.now_ms));
        }
        let chosen = dice.below(self.grants.len());
        let grant = &mut self.grants[chosen];
        // Mostly the newest tokens: what a client and a thief hold.
        let last = grant.tokens.len();
        let index = if dice.below(3) == 0 { dice.below(last) } else { last - 1 - dice.below(last.min(3)) };
        let secret = grant.tokens[index].secret.clone();
        match dice.below(30) {
            0 => {
                let changed = revoke(&self.account.sql, &grant.id, self.now_ms).unwrap();
                assert_eq!(!changed.is_empty(), !grant.revoked);
                grant.revoked = true;
            }
            1 => {
                let changed = revoke_token(&self.account.sql, &secret, "client", self.now_ms).unwrap();
                assert_eq!(!changed.is_empty(), !grant.revoked);
                grant.revoked = true;
            }
            2 => assert!(revoke_token(&self.account.sql, &secret, "thief", self.now_ms).unwrap().is_empty()),
            _ => self.refresh(chosen, index),
        }
    }

    fn refresh(&mut self, chosen: usize, index: usize) {
        let grant = &mut self.grants[chosen];
        let expected = grant.expected(index, self.now_ms);
        let request = refresh_request(&grant.tokens[index].secret);
        match (self.account.refresh_as(&request, self.now_ms), expected) {
            (Ok(granted), Ok(())) => {
                assert_eq!(granted.grant_id, grant.id);
                grant.rotated(index, granted.refresh_token, self.now_ms);
            }
            (Err(refusal), Err(expected)) => {
                assert_eq!(refusal, expected);
                grant.revoked |= expected.1;
            }
            (found, expected) => panic!("{found:?} where the model says {expected:?}"),
        }
    }

    /// The bus has to be told of exactly the revoked grants.
    fn settle(&self) {
        let mut owed = untold(&self.account.sql).unwrap();
        let mut revoked: Vec<_> =
            self.grants.iter().filter(|grant| grant.revoked).map(|grant| grant.id.clone()).collect();
        owed.sort();
        revoked.sort();
        assert_eq!(owed, revoked);
        for grant_id in &owed {
            told(&self.account.sql, grant_id).unwrap();
        }
        assert!(untold(&self.account.sql).unwrap().is_empty());
    }
}

#[test]
fn ten_thousand_interleavings_agree_with_the_model() {
    let (mut refreshed, mut revoked) = (0, 0);
    for batch in 0..100_u64 {
        // A new database for every hundred steps: making one takes longer than the steps.
        let mut world = World { account: Account::new(), grants: Vec::new(), now_ms: 1 };
        for seed in 1..=100 {
            let mut dice = Dice((batch * 100 + seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
            for _ in 0..12 + dice.below(24) {
                world.step(&mut dice);
            }
            refreshed += world.grants.iter().map(|grant| grant.tokens.len() - 1).sum::<usize>();
            revoked += world.grants.iter().filter(|grant| grant.revoked).count();
            world.settle();
            world.grants.clear();
        }
    }
    assert!(refreshed > 20_000 && revoked > 5_000, "the dice fall on every side: {refreshed}, {revoked}");
}
