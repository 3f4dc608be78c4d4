//! Who asks, as the files see it. The bus knows what a token is bound to and whether its grant was revoked, so it is asked first.

use bus::wire::command::{Command, Reply};
use bus::wire::rights::Need;
use bus::wire::views::FileAccess;
use files::wire::{Origin, Token, Who};
use kernel::scopes::Scopes;
use thiserror::Error;
use worker::Env;

use crate::caller::Caller;
use crate::http::error::Error as ServerError;
use crate::objects::bus::{Bus, BusError};

/// What somebody wants to do with files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// List them and read them.
    Read,
    /// Make and delete them.
    Change,
}

#[derive(Debug, Error)]
pub enum AccessError {
    #[error("the access token was revoked")]
    Revoked,
    #[error("this needs the scope {0}")]
    Lacks(Scopes),
    #[error("there is no job {0:?} that a Blender of this login or token was given")]
    NoJob(String),
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// What is to be asked of the bus first. `job_id`: the job that makes a file. `file_id`: what the caller wants to read.
pub fn question(caller: &Caller, (job_id, file_id): (Option<&str>, Option<&str>)) -> Command {
    let is_peer = caller.scopes.contains(Scopes::PEER);
    Command::FileAccess { job_id: job_id.map(str::to_owned), file_id: file_id.filter(|_| is_peer).map(str::to_owned) }
}

/// Who asks, and where a file that it makes is from, once the bus has answered the question.
///
/// # Errors
/// `AccessError` for a token that may not, and for a job that is not its own.
pub fn granted(
    caller: &Caller,
    wants: Wants,
    (job_id, file_id): (Option<&str>, Option<&str>),
    access: FileAccess,
) -> Result<(Who, Origin), AccessError> {
    let need = if wants == Wants::Read { Need::Read } else { Need::Dispatch };
    let scopes = caller.scopes.set;
    if !need.is_met(scopes, false) && !scopes.contains(Scopes::PEER) {
        return Err(AccessError::Lacks(need.scope()));
    }
    let FileAccess { mut blenders, is_lent, job_blender } = access;
    if wants == Wants::Change && caller.scopes.guest.is_some() {
        // What others have made in the shared Blender is not a guest's to delete.
        blenders = Some(Vec::new());
    }
    if let (Some(job_id), None) = (job_id, &job_blender) {
        return Err(AccessError::NoJob(job_id.chars().take(60).collect()));
    }
    let lent = file_id.filter(|_| is_lent).map(str::to_owned);
    let only_own = !scopes.contains(Scopes::BUS_DISPATCH);
    let token = Token { grant_id: caller.grant_id.clone(), blenders, lent, only_own };
    Ok((Who::Token(token), Origin { blender: job_blender, job_id: job_id.map(str::to_owned) }))
}

/// The same for a request without a session.
///
/// # Errors
/// As `granted`, and `AccessError::Revoked`.
pub async fn of_caller(
    env: &Env,
    caller: &Caller,
    wants: Wants,
    about: (Option<&str>, Option<&str>),
) -> Result<(Who, Origin), AccessError> {
    match Bus::of(env, caller)?.ask("", None, question(caller, about), &|_| {}).await? {
        Reply::FileAccess { access } => granted(caller, wants, about, access),
        Reply::Revoked => Err(AccessError::Revoked),
        _ => Err(ServerError::UnexpectedReply("the bus, about files").into()),
    }
}
