//! A user's bus: every request of the edge comes through here.

use serde_json::Value;

use crate::bus_tools::{BusCall, CallError, JobCall, Priority};
use crate::cache::is_revoked;
use crate::change::Change;
use crate::command::{Caller, Command, Reply, Request};
use crate::delivery;
use crate::effect::{Effect, close};
use crate::envelope::Envelope;
use crate::erasure;
use crate::error::Error;
use crate::ids;
use crate::inbox;
use crate::job_tools;
use crate::jobs::{self, NewJob};
use crate::limits;
use crate::messages;
use crate::overview;
use crate::params;
use crate::questions;
use crate::record::Routing;
use crate::registry::{self, Via};
use crate::routing;
use crate::sessions::{self, Session};
use crate::streams;
use crate::subscriptions;
use crate::tasks;
use crate::timers::{self, Kind};
use crate::turn::Turn;
use crate::wait::{self, Answered, Wait};

/// How long a revoked grant is remembered: longer than any access token lives.
pub const REVOKED_KEPT_MS: i64 = 25 * 60 * 60 * 1_000;

/// A request is answered at once, or there is a job to wait for.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    Reply(Reply),
    Wait(Wait),
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

/// Serves one request. What is the caller's fault comes back as `Reply::Rejected`.
pub fn serve(turn: &mut Turn<'_>, mut request: Request) -> Result<Outcome, Error> {
    turn.trace = core::mem::take(&mut request.trace);
    let mut client_name = None;
    if let Some(caller) = &request.caller {
        if is_revoked(turn, &caller.grant_id)? {
            return Ok(Reply::Revoked.into());
        }
        client_name = Some(caller.client_name.clone());
    }
    let mut protocol_version = String::new();
    if let Some(session_id) = &request.session_id {
        let Some(session) = sessions::find(turn, session_id)? else { return Ok(Reply::NoSession.into()) };
        client_name = Some(session.client_name);
        protocol_version = session.protocol_version;
    }
    let caller_uuid =
        request.caller.as_ref().map(|caller| caller_uuid(caller, client_name.as_deref().unwrap_or_default()));
    match perform(turn, &request, caller_uuid.as_deref(), protocol_version) {
        Err(Error::Rejected(rejection)) => Ok(Reply::Rejected { message: rejection.to_string() }.into()),
        outcome => outcome,
    }
}

fn perform(
    turn: &mut Turn<'_>,
    request: &Request,
    caller_uuid: Option<&str>,
    protocol_version: String,
) -> Result<Outcome, Error> {
    let session_id = request.session_id.as_deref().unwrap_or_default();
    let grant_id = request.caller.as_ref().map_or("", |caller| caller.grant_id.as_str());
    if let (Command::Dispatch { .. } | Command::Tool { .. }, Some(uuid)) = (&request.command, caller_uuid) {
        registry::note_caller(turn, uuid)?;
    }
    Ok(match &request.command {
        Command::Dispatch { command, params, target_uuid, timeout_ms, task_after_ms, .. } => {
            match dispatch(turn, command, params, target_uuid.as_deref())? {
                Ok((subject, answered)) => Outcome::Wait(Wait {
                    subject,
                    for_what: answered.or_task_after(turn.now_ms, *task_after_ms).into(),
                    started_ms: turn.now_ms,
                    deadline_ms: turn.now_ms.saturating_add(*timeout_ms),
                    is_slow: false,
                }),
                Err(envelope) => Reply::Envelope { envelope: Box::new(envelope) }.into(),
            }
        }
        Command::Tool { name, arguments } => {
            perform_tool(turn, name, arguments, Via::Http { session_id: request.session_id.as_deref() })?
        }
        // The object knows which job a waiting request is for, and cancels that.
        Command::CancelRequest { .. } => Reply::Done.into(),
        Command::Task { task_id } => Reply::Task { task: tasks::find(turn, task_id)? }.into(),
        Command::CancelTask { task_id } => {
            job_tools::cancel(turn, task_id)?;
            Reply::Task { task: tasks::find(turn, task_id)? }.into()
        }
        Command::Clients => Reply::Document { document: registry::list(turn)? }.into(),
        Command::Stats => Reply::Document { document: registry::stats(turn)? }.into(),
        Command::Overview => Reply::Overview { overview: Box::new(overview::read(turn)?) }.into(),
        Command::Connected => Reply::Connected { blenders: turn.presence.blenders().len() }.into(),
        Command::Job { job_id } => Reply::Job { job: overview::job(turn, job_id)?.map(Box::new) }.into(),
        Command::Disconnect { client_uuid } => Reply::Found { found: overview::disconnect(turn, client_uuid)? }.into(),
        Command::Answer { job_id, allow } => Reply::Found { found: questions::answer(turn, job_id, *allow)? }.into(),
        Command::OpenSession { protocol_version, client_name } => {
            let session_id = sessions::open(turn, grant_id, protocol_version, client_name)?;
            Reply::Session { session_id, protocol_version: protocol_version.clone() }.into()
        }
        Command::UseSession => Reply::Session { session_id: session_id.to_owned(), protocol_version }.into(),
        Command::SetLogLevel { level } => {
            sessions::set_log_level(turn, session_id, level)?;
            Reply::Done.into()
        }
        Command::Subscribe { subscription } => {
            subscriptions::subscribe(turn, session_id, subscription)?;
            Reply::Done.into()
        }
        Command::Unsubscribe { topic } => {
            subscriptions::unsubscribe(turn, session_id, topic)?;
            Reply::Done.into()
        }
        Command::CloseSession => {
            if sessions::close(turn, session_id)? {
                Reply::Done.into()
            } else {
                Reply::NoSession.into()
            }
        }
        Command::RevokeGrant { grant_id } => {
            revoke(turn, grant_id)?;
            Reply::Done.into()
        }
        Command::Erase => {
            erasure::erase(turn)?;
            Reply::Done.into()
        }
    })
}

fn perform_tool(turn: &mut Turn<'_>, name: &str, arguments: &Value, via: Via<'_>) -> Result<Outcome, Error> {
    let refused = match BusCall::parse(name, arguments) {
        Ok(call) => return Ok(Reply::Document { document: call_tool(turn, call, via)? }.into()),
        Err(CallError::UnknownTool { .. }) => match JobCall::parse(name, arguments) {
            Ok(call) => return wait::begin(turn, call),
            Err(error) => error,
        },
        Err(error) => error,
    };
    Ok(Reply::Rejected { message: refused.to_string() }.into())
}

/// Starts a job in a Blender and says what to wait for, or why there is none.
fn dispatch(
    turn: &mut Turn<'_>,
    command: &str,
    params: &Value,
    wanted: Option<&str>,
) -> Result<Result<(String, Answered), Envelope>, Error> {
    let target_uuid = match routing::pick_peer(turn, command, wanted)? {
        Ok(target_uuid) => target_uuid,
        Err(envelope) => return Ok(Err(envelope)),
    };
    routing::has_room(turn, 1)?;
    limits::admit(turn, 1)?;
    let job_id = ids::job_id(turn.entropy)?;
    let job = NewJob {
        job_id: job_id.clone(),
        command,
        from_uuid: turn.server_uuid(),
        target_uuid: &target_uuid,
        routing: Routing::Direct { target_uuid: target_uuid.clone() },
        payload: jobs::command_payload(&job_id, command, params),
        priority: Priority::default(),
        batch_id: None,
        idempotency_key: None,
    };
    jobs::dispatch(turn, job)?;
    Ok(Ok((job_id, Answered { command: command.to_owned(), target_uuid, task_at_ms: None })))
}

/// Whether a socket may open: a client's own, or the stream of a session, which must be open.
pub fn admit(
    turn: &mut Turn<'_>,
    grant_id: &str,
    session_id: Option<&str>,
) -> Result<Result<Option<Session>, Reply>, Error> {
    if is_revoked(turn, grant_id)? {
        return Ok(Err(Reply::Revoked));
    }
    match session_id {
        None => Ok(Ok(None)),
        Some(session_id) => Ok(sessions::find(turn, session_id)?.map(Some).ok_or(Reply::NoSession)),
    }
}

/// Calls one of the five bus tools, over HTTP or a socket.
pub fn call_tool(turn: &mut Turn<'_>, call: BusCall, via: Via<'_>) -> Result<Value, Error> {
    match call {
        BusCall::RegisterClient(call) => registry::register(turn, &call, via),
        BusCall::UnregisterClient(call) => registry::unregister(turn, &call.client_uuid),
        BusCall::SendMessage(call) => messages::send(turn, call),
        BusCall::JobUpdate(call) => messages::job_update(turn, call, via),
        BusCall::ListAvailableClients => {
            let mut document = registry::list(turn)?;
            if let Some(fields) = document.as_object_mut() {
                fields.insert("status".to_owned(), Value::from("ok"));
            }
            Ok(document)
        }
    }
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

fn revoke(turn: &mut Turn<'_>, grant_id: &str) -> Result<(), Error> {
    let until = turn.now_ms.saturating_add(REVOKED_KEPT_MS);
    turn.sql.query(
        "INSERT INTO revoked_grants (grant_id, until) VALUES (?, ?)
         ON CONFLICT (grant_id) DO UPDATE SET until = excluded.until",
        params![grant_id, until],
    )?;
    turn.presence.cache.forget_revoked();
    timers::ensure_retention(turn)?;
    sessions::close_of_grant(turn, grant_id)?;
    turn.effects.push(Effect::CloseGrant {
        grant_id: grant_id.to_owned(),
        code: close::UNAUTHORIZED,
        reason: "access was revoked",
    });
    Ok(())
}

/// Whose bus this is, when no request says so; none when nothing is stored that an alarm could concern.
pub fn owner(turn: &Turn<'_>) -> Result<Option<String>, Error> {
    let rows = turn.sql.query("SELECT json_extract(record, '$.user_id') FROM jobs ORDER BY seq LIMIT 1", &[])?;
    Ok(rows.first().map(|row| row.text(0)).transpose()?)
}

/// The alarm went off: does what is due, and sets the next one.
pub fn alarm(turn: &mut Turn<'_>) -> Result<(), Error> {
    for (kind, subject) in timers::take_due(turn)? {
        match kind {
            Kind::Retention => retain(turn)?,
            Kind::Lost => messages::lose(turn, &subject)?,
            Kind::SocketExpiry => {
                let reason = "the access token expired";
                turn.effects.push(Effect::Close { socket_id: subject, code: close::UNAUTHORIZED, reason });
            }
        }
    }
    if let Some(due_ms) = timers::next_due(turn)? {
        turn.effects.push(Effect::Arm { due_ms });
    }
    Ok(())
}

/// Forgets what has been kept long enough; looks again in a while if anything is left that will grow old.
fn retain(turn: &mut Turn<'_>) -> Result<(), Error> {
    let was_erased = erasure::is_erased(turn)?;
    jobs::forget_old(turn)?;
    inbox::forget_old(turn)?;
    messages::forget_old(turn)?;
    sessions::forget_idle(turn)?;
    registry::forget_idle(turn)?;
    turn.sql.query("DELETE FROM revoked_grants WHERE until < ?", params![turn.now_ms])?;
    turn.presence.cache.forget_revoked();
    if was_erased && !erasure::is_erased(turn)? {
        turn.effects.push(Effect::Vanish);
        return Ok(());
    }
    let left = turn.sql.query(
        "SELECT EXISTS (SELECT 1 FROM jobs) OR EXISTS (SELECT 1 FROM inbox) OR EXISTS (SELECT 1 FROM sessions)
           OR EXISTS (SELECT 1 FROM clients WHERE is_persistent = 0) OR EXISTS (SELECT 1 FROM revoked_grants) OR EXISTS (SELECT 1 FROM origins)",
        &[],
    )?;
    if left.first().map_or(Ok(false), |row| row.boolean(0))? {
        timers::ensure_retention(turn)?;
    }
    Ok(())
}

/// A socket has closed.
pub fn socket_closed(turn: &mut Turn<'_>, socket_id: &str) -> Result<(), Error> {
    timers::clear(turn, Kind::SocketExpiry, socket_id)?;
    if let Some(stream) = turn.presence.close_stream(socket_id) {
        return streams::closed(turn, &stream);
    }
    let Some(uuid) = turn.presence.bound_to(socket_id).map(str::to_owned) else { return Ok(()) };
    if turn.presence.detach(&uuid, socket_id, turn.now_ms) {
        registry::note_left(turn, &uuid)?;
        delivery::note_left(turn, &uuid)?;
        turn.changes.insert(Change::Clients);
    }
    Ok(())
}
