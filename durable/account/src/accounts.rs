//! One account: who it is, how its owner signs in, and what the edge may ask of it.

use kernel::ids::Entropy;
use kernel::migrate::migrate;
use kernel::scopes::Scopes;
use kernel::storage::{Sql, StorageError};

use crate::access_tokens::{self, NewToken, TokenError};
use crate::browser_sessions::{self};
use crate::failed_logins::Guessed;
use crate::grants::{self, Refusal};
use crate::passwords::{self};
use crate::schema::ACCOUNT;
use crate::{codes, consents, invites};

mod command;
mod deletion;
mod outcome;
mod row;
mod signing_in;

pub use command::{AfterLogin, Authority, Command, Denial, Effect, Owner, Reply};
pub use deletion::is_over;
pub use outcome::AccountError;
use outcome::{effects, granted_to, settle};
pub use row::create;
use row::{exists, owner};
use signing_in::{Login, change_password, is_confirmed, login, sign_in_as, sign_up};

/// Brings an existing account up to date. A name that has no account stores nothing, so that guessing names costs nothing.
pub fn open(sql: &dyn Sql) -> Result<(), StorageError> {
    if exists(sql)? || deletion::is_pending(sql)? { migrate(sql, ACCOUNT) } else { Ok(()) }
}

pub fn handle(
    sql: &dyn Sql,
    command: Command,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<(Reply, Vec<Effect>), AccountError> {
    if let Command::Login { username, password, dev_password, then } = command {
        return login(sql, &Login { username, password, dev_password }, then, now_ms, entropy);
    }
    if let Command::SignUp { username, password, admin } = command {
        return Ok((sign_up(sql, &username, &password, admin, now_ms, entropy)?, Vec::new()));
    }
    if let Command::SignInAs { username, display_name } = command {
        return Ok((sign_in_as(sql, &username, &display_name, now_ms, entropy)?, Vec::new()));
    }
    let Some(owner) = owner(sql)? else {
        return Ok((absent(&command), Vec::new()));
    };
    match command {
        Command::SignUp { .. } => Ok((Reply::NameTaken, Vec::new())),
        Command::SignInAs { .. } | Command::Login { .. } => Ok((Reply::WrongCredentials, Vec::new())),
        Command::Session { session } => {
            let live = browser_sessions::is_live(sql, &session, now_ms)?;
            Ok((if live { Reply::Owner { owner } } else { Reply::NoSession }, Vec::new()))
        }
        Command::EndSession { session } => {
            browser_sessions::end(sql, &session)?;
            Ok((Reply::Done, Vec::new()))
        }
        Command::IssueCode { session, permission, binding, consent } => {
            if !browser_sessions::is_live(sql, &session, now_ms)? {
                return Ok((Reply::NoSession, Vec::new()));
            }
            if !consents::is_given(sql, consent, &permission, &binding.redirect_uri, now_ms)? {
                return Ok((Reply::NotConsented, Vec::new()));
            }
            let code = codes::issue(sql, &permission, &binding, now_ms, entropy);
            settle(code.map(|code| (Reply::Code { code }, Vec::new())), &owner)
        }
        Command::TryDeviceCode { session } => {
            if !browser_sessions::is_live(sql, &session, now_ms)? {
                return Ok((Reply::NoSession, Vec::new()));
            }
            if Guessed::DeviceCode.is_paused(sql, now_ms)? {
                return Ok((Reply::Paused, Vec::new()));
            }
            // Counted before it is looked at, so that no two at once are one.
            Guessed::DeviceCode.count(sql, now_ms)?;
            Ok((Reply::Done, Vec::new()))
        }
        Command::FoundDeviceCode { session } => {
            if browser_sessions::is_live(sql, &session, now_ms)? {
                Guessed::DeviceCode.forget(sql)?;
            }
            Ok((Reply::Done, Vec::new()))
        }
        Command::AllowDevice { session, permission, secret_hash, lifetime_ms } => {
            if !browser_sessions::is_live(sql, &session, now_ms)? {
                return Ok((Reply::NoSession, Vec::new()));
            }
            codes::issue_to_device(sql, &permission, &secret_hash, (now_ms, lifetime_ms))?;
            Ok((Reply::Done, Vec::new()))
        }
        Command::ListClients { session } => {
            let live = browser_sessions::is_live(sql, &session, now_ms)?;
            let reply =
                if live { Reply::Clients { clients: consents::allowed(sql, now_ms)? } } else { Reply::NoSession };
            Ok((reply, Vec::new()))
        }
        Command::ForgetClient { session, client_id } => {
            if !browser_sessions::is_live(sql, &session, now_ms)? || client_id == grants::ACCESS_TOKEN_CLIENT {
                return Ok((Reply::NoSession, Vec::new()));
            }
            consents::forget(sql, &client_id)?;
            codes::forget_unused(sql, Some(&client_id))?;
            Ok((Reply::Done, effects(&owner, grants::revoke_all_of(sql, &client_id, now_ms)?)))
        }
        Command::Exchange(request) => {
            let outcome = codes::exchange(sql, &request, now_ms, entropy);
            settle(outcome.map(|(granted, displaced)| (granted_to(&owner, granted), displaced)), &owner)
        }
        Command::Refresh(request) => {
            let outcome = grants::refresh(sql, &request, now_ms, entropy);
            settle(outcome.map(|granted| (granted_to(&owner, granted), Vec::new())), &owner)
        }
        Command::RevokeToken { token, client_id } => {
            let revoked = grants::revoke_token(sql, &token, &client_id, now_ms)?;
            Ok((Reply::Done, effects(&owner, revoked)))
        }
        Command::RevokeGrant { grant_id, client_id } => {
            let revoked = grants::revoke_of_client(sql, &grant_id, &client_id, now_ms)?;
            Ok((Reply::Done, effects(&owner, revoked.then_some(grant_id))))
        }
        Command::UseAccessToken { token, audiences } => {
            let held = access_tokens::find(sql, &token, &audiences, now_ms)?;
            let reply = held.map_or(Reply::NoAccessToken, |held| Reply::AccessToken { owner, held });
            Ok((reply, Vec::new()))
        }
        Command::ChangePassword { session, old, new } => {
            change_password(sql, &owner, (&session, &old, &new), now_ms, entropy)
        }
        Command::Delete { session, password } => delete(sql, &owner, (&session, &password), now_ms, entropy),
        Command::Standing { session } => {
            if !browser_sessions::is_live(sql, &session, now_ms)? {
                return Ok((Reply::NoSession, Vec::new()));
            }
            let (is_administrator, has_password) = (is_admin(sql)?, passwords::is_set(sql)?);
            Ok((Reply::Standing { is_administrator, has_password }, Vec::new()))
        }
        Command::MakeInvite { session } => {
            if !browser_sessions::is_live(sql, &session, now_ms)? || !is_admin(sql)? {
                return Ok((Reply::NoInvite, Vec::new()));
            }
            Ok((Reply::Invite { invite: invites::make(sql, now_ms, entropy)? }, Vec::new()))
        }
        Command::ClaimInvite { invite, username } => {
            let claimed = invites::claim(sql, &invite, username.as_str(), now_ms)?;
            Ok((if claimed { Reply::Done } else { Reply::NoInvite }, Vec::new()))
        }
        Command::ReleaseInvite { invite, username } => {
            invites::release(sql, &invite, username.as_str())?;
            Ok((Reply::Done, Vec::new()))
        }
        Command::CreateAccessToken { by, new } => create_access_token(sql, &by, &new, now_ms, entropy),
        Command::ListAccessTokens { by } => {
            let reply = match allowed(sql, &by, now_ms)? {
                Ok(_) => Reply::AccessTokens { tokens: access_tokens::list(sql, now_ms)? },
                Err(reason) => Reply::NotAllowed { reason },
            };
            Ok((reply, Vec::new()))
        }
        Command::RevokeAccessToken { by, token_id } => match allowed(sql, &by, now_ms)? {
            Ok(_) if access_tokens::revoke(sql, &token_id, now_ms)? => Ok((Reply::Done, effects(&owner, [token_id]))),
            Ok(_) => Ok((Reply::NoAccessToken, Vec::new())),
            Err(reason) => Ok((Reply::NotAllowed { reason }, Vec::new())),
        },
    }
}

fn create_access_token(
    sql: &dyn Sql,
    by: &Authority,
    new: &NewToken,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<(Reply, Vec<Effect>), AccountError> {
    let reply = match allowed(sql, by, now_ms)? {
        Err(reason) => Reply::NotAllowed { reason },
        Ok(most) if !most.contains(new.scopes) => Reply::NotAllowed { reason: Denial::ScopeExceeded },
        Ok(_) => match access_tokens::create(sql, new, now_ms, entropy) {
            Ok((token, listed)) => Reply::AccessTokenMade { token, listed },
            Err(TokenError::Refused(reason)) => Reply::AccessTokenRefused { reason },
            Err(TokenError::Storage(error)) => return Err(error.into()),
            Err(TokenError::Entropy(error)) => return Err(error.into()),
        },
    };
    Ok((reply, Vec::new()))
}

/// Erases the account; what it has elsewhere is owed from then on.
fn delete(
    sql: &dyn Sql,
    owner: &Owner,
    (session, password): (&str, &str),
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<(Reply, Vec<Effect>), AccountError> {
    if !browser_sessions::is_live(sql, session, now_ms)? {
        return Ok((Reply::NoSession, Vec::new()));
    }
    if !is_confirmed(sql, (session, password), now_ms, entropy)? {
        return Ok((Reply::WrongCredentials, Vec::new()));
    }
    deletion::begin(sql, owner, is_admin(sql)?)?;
    Ok((Reply::Done, deletion::owed(sql)?))
}

fn is_admin(sql: &dyn Sql) -> Result<bool, StorageError> {
    sql.query("SELECT admin FROM account", &[])?.first().map_or(Ok(false), |row| row.boolean(0))
}

/// The scopes that `by` may hand on, or why it may do nothing here.
fn allowed(sql: &dyn Sql, by: &Authority, now_ms: i64) -> Result<Result<Scopes, Denial>, StorageError> {
    match by {
        Authority::Session { session } => {
            Ok(if browser_sessions::is_live(sql, session, now_ms)? { Ok(Scopes::ALL) } else { Err(Denial::Ended) })
        }
        Authority::Grant { grant_id, scopes } => Ok(match grants::client_of(sql, grant_id)? {
            Some(client) if client == grants::ACCESS_TOKEN_CLIENT => Err(Denial::IsAccessToken),
            Some(_) => Ok(*scopes),
            None => Err(Denial::Ended),
        }),
    }
}

/// The effects that are still owed, because the bus could not be told or the object died before it was.
pub fn owed(sql: &dyn Sql) -> Result<Vec<Effect>, StorageError> {
    match owner(sql)? {
        Some(owner) => Ok(effects(&owner, grants::untold(sql)?)),
        None => deletion::owed(sql),
    }
}

/// An effect has been performed.
pub fn performed(sql: &dyn Sql, effect: &Effect) -> Result<(), StorageError> {
    match effect {
        Effect::RevokeOnBus { grant_id, .. } => grants::told(sql, grant_id),
        Effect::EraseBus { .. } | Effect::ReleaseSetup { .. } => deletion::performed(sql, effect),
    }
}

fn absent(command: &Command) -> Reply {
    match command {
        Command::SignInAs { .. } | Command::Login { .. } => Reply::WrongCredentials,
        Command::SignUp { .. } => Reply::NameTaken,
        Command::MakeInvite { .. } | Command::ClaimInvite { .. } => Reply::NoInvite,
        Command::Session { .. }
        | Command::IssueCode { .. }
        | Command::ListClients { .. }
        | Command::ForgetClient { .. }
        | Command::ChangePassword { .. }
        | Command::Delete { .. }
        | Command::TryDeviceCode { .. }
        | Command::AllowDevice { .. }
        | Command::Standing { .. } => Reply::NoSession,
        Command::UseAccessToken { .. } => Reply::NoAccessToken,
        Command::CreateAccessToken { .. } | Command::ListAccessTokens { .. } | Command::RevokeAccessToken { .. } => {
            Reply::NotAllowed { reason: Denial::Ended }
        }
        Command::Exchange(_) | Command::Refresh(_) => Reply::Refused { reason: Refusal::Unknown },
        Command::EndSession { .. }
        | Command::FoundDeviceCode { .. }
        | Command::RevokeToken { .. }
        | Command::RevokeGrant { .. }
        | Command::ReleaseInvite { .. } => Reply::Done,
    }
}

#[cfg(test)]
mod tests;
