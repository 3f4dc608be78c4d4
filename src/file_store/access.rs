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

/// Who asks, and where a file that it makes is from. `job_id`: the job that makes it. `file_id`: what it wants to read.
///
/// # Errors
/// `AccessError` for a token that is revoked or may not, and for a job that is not its own.
pub async fn of_caller(
    env: &Env,
    caller: &Caller,
    wants: Wants,
    (job_id, file_id): (Option<&str>, Option<&str>),
) -> Result<(Who, Origin), AccessError> {
    let need = if wants == Wants::Read { Need::Read } else { Need::Dispatch };
    let scopes = caller.scopes.set;
    let is_client = need.is_met(scopes, false);
    if !is_client && !scopes.contains(Scopes::PEER) {
        return Err(AccessError::Lacks(need.scope()));
    }
    let is_peer = scopes.contains(Scopes::PEER);
    let command = Command::FileAccess {
        job_id: job_id.map(str::to_owned),
        file_id: file_id.filter(|_| is_peer).map(str::to_owned),
    };
    let access = match Bus::of(env, caller)?.ask("", None, command, &|_| {}).await? {
        Reply::FileAccess { access } => access,
        Reply::Revoked => return Err(AccessError::Revoked),
        _ => return Err(ServerError::UnexpectedReply("the bus, about files").into()),
    };
    let FileAccess { blenders, is_lent, job_blender } = access;
    if let (Some(job_id), None) = (job_id, &job_blender) {
        return Err(AccessError::NoJob(job_id.chars().take(60).collect()));
    }
    let lent = file_id.filter(|_| is_lent).map(str::to_owned);
    let token =
        Token { grant_id: caller.grant_id.clone(), blenders, lent, only_own: !scopes.contains(Scopes::BUS_DISPATCH) };
    let origin = Origin { blender: job_blender, job_id: job_id.map(str::to_owned) };
    Ok((Who::Token(token), origin))
}
