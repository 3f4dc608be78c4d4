//! Share links, as the owner asks for them.

use kernel::ids::Entropy;
use kernel::storage::Sql;

use crate::accounts::command::{Effect, Owner, Reply};
use crate::accounts::error::AccountError;
use crate::accounts::outcome::effects;
use crate::shares::{self, NewShare, ShareError};

pub fn make(sql: &dyn Sql, new: &NewShare, now_ms: i64, entropy: &mut dyn Entropy) -> Result<Reply, AccountError> {
    match shares::make(sql, new, now_ms, entropy) {
        Ok((token, share)) => Ok(Reply::ShareMade { token, share }),
        Err(ShareError::Refused(reason)) => Ok(Reply::ShareRefused { reason }),
        Err(ShareError::Storage(error)) => Err(error.into()),
        Err(ShareError::Entropy(error)) => Err(error.into()),
    }
}

/// Ends a link, and tells the bus.
pub fn end(sql: &dyn Sql, owner: &Owner, share_id: &str, now_ms: i64) -> Result<(Reply, Vec<Effect>), AccountError> {
    let ended = shares::end(sql, share_id, now_ms)?;
    let reply = if ended.is_empty() { Reply::NoAccessToken } else { Reply::Done };
    Ok((reply, effects(owner, ended)))
}
