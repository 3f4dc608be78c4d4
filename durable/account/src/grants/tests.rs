use kernel::params;
use kernel::scopes::Scopes;
use kernel::storage::Sql;

use super::{
    GRACE_MS, GrantError, Granted, MAX_GRANTS, Permission, REFRESH_LIFETIME_MS, Refresh, Refusal, grant, refresh,
    revoke, revoke_of_client, revoke_token, told, untold,
};
use crate::codes::{self, CodeBinding, Exchange, LIFETIME_MS};
use crate::testing::{Account, ORIGIN};

// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

impl Account {
    pub(super) fn grant(&mut self, now_ms: i64) -> Granted {
        grant(&self.sql, &permission(), now_ms, &mut self.entropy).unwrap().0
    }

    fn code(&mut self, now_ms: i64) -> String {
        let binding =
            CodeBinding { redirect_uri: "http://localhost:1/callback".into(), code_challenge: CHALLENGE.into() };
        codes::issue(&self.sql, &permission(), &binding, now_ms, &mut self.entropy).unwrap()
    }

    fn exchange(&mut self, request: &Exchange, now_ms: i64) -> Result<Granted, (Refusal, bool)> {
        outcome(codes::exchange(&self.sql, request, now_ms, &mut self.entropy).map(|(granted, _)| granted))
    }

    fn refresh(&mut self, token: &str, now_ms: i64) -> Result<Granted, (Refusal, bool)> {
        self.refresh_as(&refresh_request(token), now_ms)
    }

    pub(super) fn refresh_as(&mut self, request: &Refresh, now_ms: i64) -> Result<Granted, (Refusal, bool)> {
        outcome(refresh(&self.sql, request, now_ms, &mut self.entropy))
    }
}

/// The tokens, or why not and whether that revoked a grant.
fn outcome(result: Result<Granted, GrantError>) -> Result<Granted, (Refusal, bool)> {
    result.map_err(|error| match error {
        GrantError::Refused { reason, revoked } => (reason, !revoked.is_empty()),
        other => panic!("{other}"),
    })
}

fn permission() -> Permission {
    Permission {
        client_id: "client".into(),
        client_name: "A client".into(),
        scopes: Scopes::BUS_READ.union(Scopes::PEER).into(),
        audience: ORIGIN.into(),
    }
}

pub(super) fn refresh_request(token: &str) -> Refresh {
    Refresh { token: token.into(), client_id: "client".into(), scopes: None, audiences: vec![ORIGIN.into()] }
}

fn exchange_request(code: &str) -> Exchange {
    Exchange {
        code: code.into(),
        client_id: "client".into(),
        redirect_uri: Some("http://localhost:1/callback".into()),
        code_verifier: VERIFIER.into(),
        audiences: vec![ORIGIN.into()],
    }
}

#[test]
fn a_code_gives_what_was_consented_to() {
    let mut account = Account::new();
    let code = account.code(0);
    let granted = account.exchange(&exchange_request(&code), 1).unwrap();
    assert_eq!((granted.scopes, granted.audience.as_str()), (permission().scopes, ORIGIN));
    assert!(account.refresh(&granted.refresh_token, 2).is_ok());
}

#[test]
fn a_code_used_twice_revokes_what_it_gave() {
    let mut account = Account::new();
    let code = account.code(0);
    let granted = account.exchange(&exchange_request(&code), 1).unwrap();
    // Long after its lifetime, and whoever sends it.
    let replay = Exchange { client_id: "thief".into(), ..exchange_request(&code) };
    assert_eq!(account.exchange(&replay, LIFETIME_MS * 5), Err((Refusal::Reused, true)));
    assert_eq!(account.exchange(&replay, LIFETIME_MS * 6), Err((Refusal::Reused, false)));
    assert_eq!(account.refresh(&granted.refresh_token, LIFETIME_MS * 6), Err((Refusal::Revoked, false)));
}

#[test]
fn a_code_is_bound_to_client_redirect_verifier_audience_and_time() {
    let mut account = Account::new();
    let code = account.code(0);
    let right = exchange_request(&code);
    let wrong = [
        (Exchange { code: "other".into(), ..right.clone() }, Refusal::Unknown),
        (Exchange { client_id: "other".into(), ..right.clone() }, Refusal::WrongClient),
        (
            Exchange { redirect_uri: Some("http://localhost:2/callback".into()), ..right.clone() },
            Refusal::WrongRedirect,
        ),
        (Exchange { code_verifier: "a".repeat(43), ..right.clone() }, Refusal::WrongVerifier),
        (Exchange { code_verifier: CHALLENGE.into(), ..right.clone() }, Refusal::WrongVerifier),
        (Exchange { code_verifier: String::new(), ..right.clone() }, Refusal::WrongVerifier),
        (Exchange { audiences: vec!["https://evil.example".into()], ..right.clone() }, Refusal::WrongAudience),
    ];
    for (request, reason) in wrong {
        assert_eq!(account.exchange(&request, 1), Err((reason, false)), "{request:?}");
    }
    assert_eq!(account.exchange(&right, LIFETIME_MS), Err((Refusal::Expired, false)));
    assert!(account.exchange(&right, LIFETIME_MS - 1).is_ok());
}

#[test]
fn refreshing_replaces_the_token() {
    let mut account = Account::new();
    let first = account.grant(0);
    let second = account.refresh(&first.refresh_token, 1).unwrap();
    assert_eq!(second.grant_id, first.grant_id);
    assert_ne!(second.refresh_token, first.refresh_token);
    assert!(account.refresh(&second.refresh_token, 2).is_ok());
}

#[test]
fn a_lost_reply_is_forgiven_once_and_in_time() {
    let mut account = Account::new();
    let first = account.grant(0);
    account.refresh(&first.refresh_token, 10).unwrap();
    let again = account.refresh(&first.refresh_token, 10 + GRACE_MS).unwrap();
    let next = account.refresh(&again.refresh_token, 10 + GRACE_MS).unwrap();
    assert!(account.refresh(&next.refresh_token, 10 + GRACE_MS).is_ok());

    let first = account.grant(0);
    account.refresh(&first.refresh_token, 10).unwrap();
    assert_eq!(account.refresh(&first.refresh_token, 11 + GRACE_MS), Err((Refusal::Reused, true)));

    let first = account.grant(0);
    account.refresh(&first.refresh_token, 10).unwrap();
    let again = account.refresh(&first.refresh_token, 11).unwrap();
    assert_eq!(account.refresh(&first.refresh_token, 12), Err((Refusal::Reused, true)));
    assert_eq!(account.refresh(&again.refresh_token, 13), Err((Refusal::Revoked, false)));
}

#[test]
fn a_thief_and_the_owner_cannot_both_go_on() {
    let mut account = Account::new();
    let stolen = account.grant(0).refresh_token;
    let thief = account.refresh(&stolen, 1).unwrap();
    let owner = account.refresh(&stolen, 2).unwrap();
    account.refresh(&thief.refresh_token, 3).unwrap();
    assert_eq!(account.refresh(&owner.refresh_token, 4), Err((Refusal::Reused, true)));
}

#[test]
fn a_spent_token_has_no_grace_once_its_successor_was_used() {
    let mut account = Account::new();
    let first = account.grant(0);
    let second = account.refresh(&first.refresh_token, 1).unwrap();
    account.refresh(&second.refresh_token, 2).unwrap();
    assert_eq!(account.refresh(&first.refresh_token, 3), Err((Refusal::Reused, true)));
}

#[test]
fn a_refused_refresh_changes_nothing() {
    let mut account = Account::new();
    let token = account.grant(0).refresh_token;
    let right = refresh_request(&token);
    let wrong = [
        (Refresh { client_id: "other".into(), ..right.clone() }, Refusal::WrongClient),
        (Refresh { audiences: vec!["https://evil.example".into()], ..right.clone() }, Refusal::WrongAudience),
        (Refresh { scopes: Some(Scopes::ALL.into()), ..right.clone() }, Refusal::ScopeExceeded),
        (Refresh { scopes: Some(Scopes::NONE.into()), ..right.clone() }, Refusal::ScopeExceeded),
    ];
    for (request, reason) in wrong {
        assert_eq!(account.refresh_as(&request, 1), Err((reason, false)), "{request:?}");
    }
    assert!(account.refresh(&token, 2).is_ok());
}

#[test]
fn fewer_scopes_for_one_access_token_leave_the_grant_as_it_is() {
    let mut account = Account::new();
    let token = account.grant(0).refresh_token;
    let less =
        account.refresh_as(&Refresh { scopes: Some(Scopes::PEER.into()), ..refresh_request(&token) }, 1).unwrap();
    assert_eq!(less.scopes, Scopes::PEER.into());
    assert_eq!(account.refresh(&less.refresh_token, 2).unwrap().scopes, permission().scopes);
}

#[test]
fn a_grant_ends_when_it_is_not_used_for_its_lifetime() {
    let mut account = Account::new();
    let first = account.grant(0);
    let second = account.refresh(&first.refresh_token, REFRESH_LIFETIME_MS - 1).unwrap();
    let third = account.refresh(&second.refresh_token, REFRESH_LIFETIME_MS + 5).unwrap();
    let late = REFRESH_LIFETIME_MS * 2 + 5;
    assert_eq!(account.refresh(&third.refresh_token, late), Err((Refusal::Expired, false)));
}

#[test]
fn only_the_client_that_holds_a_token_can_revoke_it() {
    let mut account = Account::new();
    let granted = account.grant(0);
    assert!(revoke_token(&account.sql, &granted.refresh_token, "other", 1).unwrap().is_empty());
    assert!(revoke_of_client(&account.sql, &granted.grant_id, "other", 1).unwrap().is_empty());
    let next = account.refresh(&granted.refresh_token, 1).unwrap();
    assert_eq!(revoke_token(&account.sql, &next.refresh_token, "client", 2).unwrap(), vec![granted.grant_id.clone()]);
    assert_eq!(account.refresh(&next.refresh_token, 3), Err((Refusal::Revoked, false)));
    assert!(revoke_of_client(&account.sql, &granted.grant_id, "client", 4).unwrap().is_empty());
}

#[test]
fn a_revocation_is_owed_to_the_bus_until_it_was_told() {
    let mut account = Account::new();
    let (kept, gone) = (account.grant(0), account.grant(0));
    revoke(&account.sql, &gone.grant_id, 1).unwrap();
    assert_eq!(untold(&account.sql).unwrap(), vec![gone.grant_id.clone()]);
    told(&account.sql, &gone.grant_id).unwrap();
    assert!(untold(&account.sql).unwrap().is_empty());
    assert!(account.refresh(&kept.refresh_token, 2).is_ok());
}

#[test]
fn too_many_grants_displace_the_one_used_longest_ago() {
    let mut account = Account::new();
    let first = account.grant(0);
    let second = account.grant(1);
    for now in 2..MAX_GRANTS {
        account.grant(now);
    }
    account.refresh(&first.refresh_token, MAX_GRANTS).unwrap();
    let (_, displaced) = grant(&account.sql, &permission(), MAX_GRANTS, &mut account.entropy).unwrap();
    assert_eq!(displaced, vec![second.grant_id]);
}

#[test]
fn storage_stays_bounded_however_often_a_token_is_refreshed() {
    let mut account = Account::new();
    let mut token = account.grant(0).refresh_token;
    for now in 1..1000 {
        token = account.refresh(&token, now).unwrap().refresh_token;
    }
    let rows = account.sql.query("SELECT count(*) FROM refresh_tokens", params![]).unwrap();
    assert!(rows[0].integer(0).unwrap() <= 260);
}

#[test]
fn secrets_are_stored_only_as_hashes() {
    let mut account = Account::new();
    let code = account.code(0);
    let granted = account.exchange(&exchange_request(&code), 1).unwrap();
    for (table, secret) in [("codes", &code), ("refresh_tokens", &granted.refresh_token)] {
        let rows = account.sql.query(&format!("SELECT * FROM {table}"), &[]).unwrap();
        assert!(!rows.is_empty() && !format!("{rows:?}").contains(secret.as_str()), "{table}");
    }
}
