//! Personal access tokens, as the owner or a client of the owner's asks for them.

use kernel::access::Access;
use kernel::ids::Entropy;
use kernel::scopes::Scopes;
use kernel::storage::{Sql, StorageError};

use crate::access_tokens::{self, Listed, NewToken, TokenError};
use crate::accounts::command::{Authority, Denial, Effect, Owner, Reply};
use crate::accounts::error::AccountError;
use crate::accounts::outcome::effects;
use crate::{browser_sessions, grants, import, token_approvals};

pub fn list(sql: &dyn Sql, by: &Authority, now_ms: i64) -> Result<Reply, AccountError> {
    Ok(match allowed(sql, by, now_ms)? {
        Ok(_) => Reply::AccessTokens { tokens: access_tokens::list(sql, now_ms)? },
        Err(reason) => Reply::NotAllowed { reason },
    })
}

/// Revokes a token: the owner any, a client only those that it made.
pub fn revoke(
    sql: &dyn Sql,
    owner: &Owner,
    by: &Authority,
    token_id: String,
    now_ms: i64,
) -> Result<(Reply, Vec<Effect>), AccountError> {
    if let Err(reason) = allowed(sql, by, now_ms)? {
        return Ok((Reply::NotAllowed { reason }, Vec::new()));
    }
    let client_id = match by {
        Authority::Session { .. } => None,
        Authority::Grant { grant_id, .. } => Some(grants::client_of(sql, grant_id)?.unwrap_or_default()),
    };
    if access_tokens::revoke(sql, &token_id, client_id.as_deref(), now_ms)? {
        return Ok((Reply::Done, effects(owner, [token_id])));
    }
    Ok((Reply::NoAccessToken, Vec::new()))
}

/// The owner agrees that a client makes this token.
pub fn approve(sql: &dyn Sql, grant_id: &str, new: &NewToken, now_ms: i64) -> Result<Reply, AccountError> {
    let client = match grants::held(sql, grant_id, now_ms)? {
        Some(client) if !grants::is_made_by_hand(&client.client_id) => client,
        Some(_) => return Ok(Reply::NotAllowed { reason: Denial::IsAccessToken }),
        None => return Ok(Reply::NotAllowed { reason: Denial::Ended }),
    };
    if !client.scopes.covers(&new.scopes) {
        return Ok(Reply::NotAllowed { reason: Denial::ScopeExceeded });
    }
    if let Err(reason) = access_tokens::check(new) {
        return Ok(Reply::AccessTokenRefused { reason });
    }
    token_approvals::approve(sql, grant_id, new, now_ms)?;
    Ok(Reply::Done)
}

/// Makes a token, for the owner or for a client that the owner has agreed to.
pub fn create(
    sql: &dyn Sql,
    by: &Authority,
    new: &NewToken,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<Reply, AccountError> {
    let maker = match by {
        Authority::Session { .. } => None,
        Authority::Grant { grant_id, .. } => {
            grants::held(sql, grant_id, now_ms)?.map(|client| (grant_id.as_str(), client))
        }
    };
    let maker = maker.as_ref().map(|(grant_id, client)| (*grant_id, client));
    Ok(match allowed(sql, by, now_ms)? {
        Err(reason) => Reply::NotAllowed { reason },
        Ok(most) if !most.covers(&new.scopes) => Reply::NotAllowed { reason: Denial::ScopeExceeded },
        Ok(_) => match admitted(sql, by, new, now_ms)
            .and_then(|()| access_tokens::create(sql, new, maker, now_ms, entropy))
        {
            Ok((token, listed)) => Reply::AccessTokenMade { token, listed },
            Err(TokenError::Refused(reason)) => Reply::AccessTokenRefused { reason },
            Err(TokenError::NotApproved) => Reply::NotAllowed { reason: Denial::NotApproved },
            Err(TokenError::Storage(error)) => return Err(error.into()),
            Err(TokenError::Entropy(error)) => return Err(error.into()),
        },
    })
}

/// Makes anew the tokens of another server's download.
pub fn import(
    sql: &dyn Sql,
    listed: &[Listed],
    audience: &str,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<Reply, AccountError> {
    match import::tokens(sql, listed, audience, now_ms, entropy) {
        Ok(imported) => Ok(Reply::Imported { imported }),
        Err(TokenError::Refused(reason)) => Ok(Reply::AccessTokenRefused { reason }),
        Err(TokenError::NotApproved) => Ok(Reply::NotAllowed { reason: Denial::NotApproved }),
        Err(TokenError::Storage(error)) => Err(error.into()),
        Err(TokenError::Entropy(error)) => Err(error.into()),
    }
}

/// Whether the token makes sense, and where a client makes it, whether the owner has agreed.
fn admitted(sql: &dyn Sql, by: &Authority, new: &NewToken, now_ms: i64) -> Result<(), TokenError> {
    access_tokens::check(new)?;
    match by {
        Authority::Session { .. } => Ok(()),
        Authority::Grant { grant_id, .. } if token_approvals::take(sql, grant_id, new, now_ms)? => Ok(()),
        Authority::Grant { .. } => Err(TokenError::NotApproved),
    }
}

/// The scopes that `by` may give to a token, or why it may not manage tokens.
fn allowed(sql: &dyn Sql, by: &Authority, now_ms: i64) -> Result<Result<Access, Denial>, StorageError> {
    match by {
        Authority::Session { session } => Ok(if browser_sessions::is_live(sql, session, now_ms)? {
            Ok(Scopes::ALL.into())
        } else {
            Err(Denial::Ended)
        }),
        Authority::Grant { grant_id, scopes } => Ok(match grants::client_of(sql, grant_id)? {
            Some(client) if grants::is_made_by_hand(&client) => Err(Denial::IsAccessToken),
            // It would see and end tokens for other Blenders.
            Some(_) if scopes.bound.is_some() => Err(Denial::IsBound),
            Some(_) => Ok(scopes.clone()),
            None => Err(Denial::Ended),
        }),
    }
}
