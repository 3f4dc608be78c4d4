//! One account: who it is, how its owner signs in, and what the edge may ask of it.

use kernel::ids::Entropy;
use kernel::migrate::migrate;
use kernel::storage::{Sql, StorageError};

use crate::grants::{self, Refusal};
use crate::schema::ACCOUNT;
use crate::{access_tokens, audit, codes, invites, shares as share_links};

mod command;
mod deletion;
mod error;
mod events;
mod in_browser;
mod outcome;
mod row;
mod shares;
mod signing_in;
mod tokens;

pub use command::{AfterLogin, Authority, Command, Denial, Effect, From, InBrowser, Owner, Reply};
pub use deletion::is_over;
pub use error::AccountError;
use outcome::{done, effects, granted_to, settle};
pub use row::create;
use row::{exists, owner};
use signing_in::{Login, login, sign_in_as, sign_up};

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
    let noted = events::of(sql, &command)?;
    let mut done = perform(sql, command, now_ms, entropy)?;
    done.1.extend(row::unlisted(sql)?);
    if let Some(noted) = noted {
        events::note(sql, &noted, &done.0, now_ms)?;
    }
    Ok(done)
}

fn perform(
    sql: &dyn Sql,
    command: Command,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<(Reply, Vec<Effect>), AccountError> {
    let command = match command {
        Command::Login { username, password, dev_password, then, from } => {
            return login(sql, &Login { username, password, dev_password, from }, then, now_ms, entropy);
        }
        Command::SignUp { username, password, admin } => {
            return Ok((sign_up(sql, &username, &password, admin, now_ms, entropy)?, Vec::new()));
        }
        Command::SignInAs { username, display_name } => {
            return Ok((sign_in_as(sql, &username, &display_name, now_ms, entropy)?, Vec::new()));
        }
        command => command,
    };
    match owner(sql)? {
        None => Ok((absent(&command), Vec::new())),
        Some(owner) => of_owner(sql, owner, command, now_ms, entropy),
    }
}

/// What is asked of an account that exists.
fn of_owner(
    sql: &dyn Sql,
    owner: Owner,
    command: Command,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<(Reply, Vec<Effect>), AccountError> {
    let reply = match command {
        Command::InBrowser { session, does } => {
            return in_browser::perform(sql, &owner, &session, does, now_ms, entropy);
        }
        Command::Exchange(request) => {
            let outcome = codes::exchange(sql, &request, now_ms, entropy);
            return settle(outcome.map(|(granted, displaced)| (granted_to(&owner, granted), displaced)), &owner);
        }
        Command::Refresh(request) => {
            let outcome = grants::refresh(sql, &request, now_ms, entropy);
            return settle(outcome.map(|granted| (granted_to(&owner, granted), Vec::new())), &owner);
        }
        Command::RevokeToken { token, client_id } => {
            return Ok((Reply::Done, effects(&owner, grants::revoke_token(sql, &token, &client_id, now_ms)?)));
        }
        Command::RevokeGrant { grant_id, client_id } => {
            return Ok((Reply::Done, effects(&owner, grants::revoke_of_client(sql, &grant_id, &client_id, now_ms)?)));
        }
        Command::RevokeAccessToken { by, token_id } => return tokens::revoke(sql, &owner, &by, token_id, now_ms),
        Command::UseAccessToken { token, audiences } => {
            stands_for(owner, access_tokens::find(sql, &token, &audiences, now_ms)?)
        }
        Command::UseShare { token, audiences } => {
            stands_for(owner, share_links::find(sql, &token, &audiences, now_ms)?)
        }
        Command::CreateAccessToken { by, new } => tokens::create(sql, &by, &new, now_ms, entropy)?,
        Command::ListAccessTokens { by } => tokens::list(sql, &by, now_ms)?,
        Command::ClaimInvite { invite, username } => {
            let claimed = invites::claim(sql, &invite, username.as_str(), now_ms)?;
            if claimed { Reply::Done } else { Reply::NoInvite }
        }
        Command::ReleaseInvite { invite, username } => done(invites::release(sql, &invite, username.as_str())?),
        Command::Audit { event } => done(audit::note(sql, &event, now_ms)?),
        // `perform` serves these before it looks for an account.
        Command::SignUp { .. } | Command::SignInAs { .. } | Command::Login { .. } => absent(&command),
    };
    Ok((reply, Vec::new()))
}

/// What a token that was made by hand stands for.
fn stands_for(owner: Owner, held: Option<access_tokens::Held>) -> Reply {
    held.map_or(Reply::NoAccessToken, |held| Reply::AccessToken { owner, held })
}

/// The effects still to be performed, because the bus could not be reached or the object died before it was.
pub fn owed(sql: &dyn Sql) -> Result<Vec<Effect>, StorageError> {
    match owner(sql)? {
        Some(owner) => Ok(effects(&owner, grants::untold(sql)?).into_iter().chain(row::unlisted(sql)?).collect()),
        None => deletion::owed(sql),
    }
}

/// An effect has been performed.
pub fn performed(sql: &dyn Sql, effect: &Effect) -> Result<(), StorageError> {
    match effect {
        Effect::RevokeOnBus { grant_id, .. } => grants::told(sql, grant_id),
        Effect::ListName { .. } => row::listed(sql),
        Effect::EraseBus { .. } | Effect::ReleaseSetup { .. } | Effect::UnlistName { .. } => {
            deletion::performed(sql, effect)
        }
    }
}

/// What is replied where there is no account.
fn absent(command: &Command) -> Reply {
    match command {
        Command::SignInAs { .. } | Command::Login { .. } => Reply::WrongCredentials,
        Command::SignUp { .. } => Reply::NameTaken,
        Command::ClaimInvite { .. } => Reply::NoInvite,
        Command::InBrowser { does, .. } => does.without_session(),
        Command::UseAccessToken { .. } | Command::UseShare { .. } => Reply::NoAccessToken,
        Command::CreateAccessToken { .. } | Command::ListAccessTokens { .. } | Command::RevokeAccessToken { .. } => {
            Reply::NotAllowed { reason: Denial::Ended }
        }
        Command::Exchange(_) | Command::Refresh(_) => Reply::Refused { reason: Refusal::Unknown },
        Command::RevokeToken { .. }
        | Command::RevokeGrant { .. }
        | Command::Audit { .. }
        | Command::ReleaseInvite { .. } => Reply::Done,
    }
}

#[cfg(test)]
mod tests;
