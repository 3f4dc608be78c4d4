//! A user's bus: every request of the edge comes through here.

use crate::clients::registry::{self, Via};
use crate::push::owner;
use crate::requests::dispatch::Patience;
use crate::requests::wait::Outcome;
use crate::requests::{calls, dispatch, export, file_access, guests, overview, questions, tasks};
use crate::rows::revocations::{self, is_revoked};
use crate::rows::{clients, sessions, subscriptions};
use crate::turn::Turn;
use crate::turn::error::Error;
use crate::turn::sender::Sender;
use crate::wire::command::{Caller, Command, Reply, Request};

/// Serves one request. A fault of the caller comes back as `Reply::Rejected`.
pub fn serve(turn: &mut Turn<'_>, mut request: Request) -> Result<Outcome, Error> {
    turn.trace = core::mem::take(&mut request.trace);
    let mut client_name = None;
    if let Some(caller) = &request.caller {
        if is_revoked(turn, &caller.grant_id)? {
            return Ok(Reply::Revoked.into());
        }
        client_name = Some(caller.client_name.clone());
    }
    if let Some(caller) = &request.caller {
        turn.act_for(caller.clone());
    }
    let mut protocol_version = String::new();
    if let Some(session_id) = &request.session_id {
        let grant_id = request.caller.as_ref().map_or("", |caller| caller.grant_id.as_str());
        let Some(session) = sessions::find(turn, session_id, grant_id)? else { return Ok(Reply::NoSession.into()) };
        client_name = Some(session.client_name);
        protocol_version = session.protocol_version;
    }
    let caller_uuid =
        request.caller.as_ref().map(|caller| caller_uuid(caller, client_name.as_deref().unwrap_or_default()));
    if let Some(caller) = &request.caller {
        turn.sender = Some(Sender::new(&caller.grant_id, client_name.as_deref().unwrap_or_default()));
    }
    let allowed = guests::check(turn, &request.command);
    match allowed.and_then(|()| perform(turn, &mut request, caller_uuid.as_deref(), protocol_version)) {
        Err(Error::Rejected(rejection)) => Ok(Reply::Rejected { message: rejection.to_string() }.into()),
        outcome => outcome,
    }
}

fn perform(
    turn: &mut Turn<'_>,
    request: &mut Request,
    caller_uuid: Option<&str>,
    protocol_version: String,
) -> Result<Outcome, Error> {
    let session_id = request.session_id.as_deref().unwrap_or_default();
    let grant_id = request.caller.as_ref().map_or("", |caller| caller.grant_id.as_str());
    if let (Command::Dispatch { .. } | Command::Tool { .. }, Some(uuid)) = (&request.command, caller_uuid) {
        clients::note_caller(turn, uuid)?;
    }
    let reply = match &mut request.command {
        Command::Dispatch { command, params, target_uuid, timeout_ms, or_busy, task_after_ms, .. } => {
            let patience = Patience { timeout_ms: *timeout_ms, task_after_ms: *task_after_ms, or_busy: *or_busy };
            return dispatch::dispatch(turn, command, core::mem::take(params), target_uuid.as_deref(), patience);
        }
        Command::Tool { name, arguments } => {
            return calls::perform_tool(turn, name, arguments, Via::Http { session_id: request.session_id.as_deref() });
        }
        // The object knows which job the request waits for, and cancels it.
        Command::CancelRequest { .. } => Reply::Done,
        Command::Task { task_id } => Reply::Task { task: tasks::find(turn, task_id)? },
        Command::CancelTask { task_id } => Reply::Task { task: tasks::cancel(turn, task_id)? },
        Command::Clients => Reply::Document { document: clients::list(turn)? },
        Command::Stats => Reply::Document { document: clients::stats(turn)? },
        Command::Overview { jobs } => Reply::Overview { overview: Box::new(overview::read(turn, jobs)?) },
        Command::Watched => overview::watched(turn)?,
        Command::Connected => Reply::Connected { blenders: turn.presence.blenders().len() },
        Command::Export { after, until } => Reply::Export { page: Box::new(export::page(turn, *after, *until)?) },
        Command::Job { job_id } => Reply::Job { job: overview::job(turn, job_id)?.map(Box::new) },
        Command::Disconnect { client_uuid } => Reply::Found { found: registry::disconnect(turn, client_uuid)? },
        Command::Release { client_uuid } => Reply::Found { found: registry::release(turn, client_uuid)? },
        Command::Answer { job_id, allow } => Reply::Found { found: questions::answer(turn, job_id, *allow)? },
        Command::Push { asked } => Reply::Push { answered: owner::perform(turn, asked)? },
        Command::FileAccess { job_id, file_id } => file_access::answer(turn, job_id.as_deref(), file_id.as_deref())?,
        Command::FileChanged { file_id } => file_access::changed(turn, file_id),
        Command::OpenSession { protocol_version, client_name } => {
            let session_id = sessions::open(turn, grant_id, protocol_version, client_name)?;
            Reply::Session { session_id, protocol_version: protocol_version.clone() }
        }
        Command::UseSession => Reply::Session { session_id: session_id.to_owned(), protocol_version },
        Command::SetLogLevel { level } => done(sessions::set_log_level(turn, session_id, level)?),
        Command::Subscribe { subscription } => done(subscriptions::subscribe(turn, session_id, subscription)?),
        Command::Unsubscribe { topic } => done(subscriptions::unsubscribe(turn, session_id, topic)?),
        Command::CloseSession => closed(sessions::close(turn, session_id)?),
        Command::RevokeGrant { grant_id } => done(guests::revoke(turn, grant_id)?),
        Command::Erase => done(revocations::erase(turn)?),
    };
    Ok(reply.into())
}

fn closed(was_open: bool) -> Reply {
    if was_open { Reply::Done } else { Reply::NoSession }
}

fn done((): ()) -> Reply {
    Reply::Done
}

/// The uuid under which a caller that registered nothing is listed, made from its own name and its grant.
fn caller_uuid(caller: &Caller, client_name: &str) -> String {
    let name: String = client_name
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' })
        .take(48)
        .collect();
    let name = if name.is_empty() { "client" } else { name.trim_matches('-') };
    let tail: String = caller.grant_id.chars().rev().take(6).collect();
    format!("llm-{name}-{tail}")
}
