//! What an account takes over from the download of another server: its access tokens, made anew.
//!
//! Nothing else travels. A download is a file that anybody can edit: a consent in it would let a client in unasked, an
//! audit entry would be no evidence, and standing as an administrator is this server's to give.

use kernel::ids::Entropy;
use kernel::storage::Sql;
use serde::{Deserialize, Serialize};

use crate::access_tokens::{self, Listed, MAX_DAYS, NewToken, Refused, TokenError};

const DAY_MS: i64 = 86_400_000;

/// What became of the tokens of a download.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    pub made: Vec<Made>,
    pub left_out: Vec<LeftOut>,
}

/// A token made anew. Its secret is told here and never again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    pub secret: String,
    pub listed: Listed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub name: String,
    pub why: Why,
}

/// Why a token is not made anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    #[error("it has ended")]
    Ended,
    #[error("a client had made it, which has to sign in and make it again")]
    MadeByClient,
    #[error("there is one of this name already")]
    IsThere,
    #[error("{0}")]
    Refused(Refused),
}

/// Makes anew the tokens of a download, each with its name, its scopes and the days that it had left. All are judged before
/// one is written.
///
/// # Errors
/// `TokenError::Refused(TooMany)`, with nothing made, where there is no room for all of them.
pub fn tokens(
    sql: &dyn Sql,
    listed: &[Listed],
    audience: &str,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<Imported, TokenError> {
    let mut taken: Vec<String> = access_tokens::list(sql, now_ms)?.into_iter().map(|token| token.name).collect();
    let before = taken.len();
    let (mut wanted, mut left_out) = (Vec::new(), Vec::new());
    for token in listed {
        match judged(token, audience, &taken, now_ms) {
            Ok(new) => {
                taken.push(new.name.clone());
                wanted.push(new);
            }
            Err(why) => left_out.push(LeftOut { name: token.name.clone(), why }),
        }
    }
    if before.saturating_add(wanted.len()) > usize::try_from(access_tokens::MAX_TOKENS).unwrap_or(usize::MAX) {
        return Err(Refused::TooMany.into());
    }
    let mut made = Vec::new();
    for new in &wanted {
        let (secret, listed) = access_tokens::create(sql, new, None, now_ms, entropy)?;
        made.push(Made { secret, listed });
    }
    Ok(Imported { made, left_out })
}

fn judged(token: &Listed, audience: &str, taken: &[String], now_ms: i64) -> Result<NewToken, Why> {
    if token.made_by.is_some() {
        return Err(Why::MadeByClient);
    }
    if token.expires_ms <= now_ms {
        return Err(Why::Ended);
    }
    if taken.contains(&token.name) {
        return Err(Why::IsThere);
    }
    // A day that has begun counts: nobody is to find a token ended before its date.
    let left = token.expires_ms.saturating_sub(now_ms).saturating_add(DAY_MS.saturating_sub(1)).div_euclid(DAY_MS);
    let new = NewToken {
        name: token.name.clone(),
        scopes: token.scopes.clone(),
        days: left.min(MAX_DAYS),
        audience: audience.to_owned(),
    };
    access_tokens::check(&new).map_err(Why::Refused)?;
    Ok(new)
}
