//! Share links, as the owner asks for them.

use kernel::ids::Entropy;
use kernel::storage::Sql;

use crate::access_tokens::TokenError;
use crate::accounts::command::{Effect, Owner, Reply};
use crate::accounts::error::AccountError;
use crate::accounts::outcome::effects;
use crate::shares::{self, NewShare, Share, ShareError};

pub fn make(sql: &dyn Sql, new: &NewShare, now_ms: i64, entropy: &mut dyn Entropy) -> Result<Reply, AccountError> {
    match shares::make(sql, new, now_ms, entropy) {
        Ok((token, share)) => Ok(Reply::ShareMade { token, share }),
        Err(ShareError::Refused(reason)) => Ok(Reply::ShareRefused { reason }),
        Err(ShareError::Storage(error) | ShareError::Token(TokenError::Storage(error))) => Err(error.into()),
        Err(ShareError::Token(TokenError::Entropy(error))) => Err(error.into()),
        // Only tokens that clients ask for come to this.
        Err(ShareError::Token(TokenError::Refused(_) | TokenError::NotApproved)) => {
            Ok(Reply::ShareRefused { reason: shares::Refused::Name })
        }
    }
}

pub fn list(sql: &dyn Sql, now_ms: i64) -> Result<Vec<Share>, AccountError> {
    Ok(shares::list(sql, now_ms)?)
}

/// Ends a link, and tells the bus.
pub fn end(sql: &dyn Sql, owner: &Owner, share_id: &str, now_ms: i64) -> Result<(Reply, Vec<Effect>), AccountError> {
    let ended = shares::end(sql, share_id, now_ms)?;
    let reply = if ended.is_empty() { Reply::NoAccessToken } else { Reply::Done };
    Ok((reply, effects(owner, ended)))
}
