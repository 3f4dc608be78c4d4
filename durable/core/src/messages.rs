//! `blender_send_message` and `blender_job_update`: what clients say to each other.

use serde_json::{Value, json};

use crate::bus_tools::{JobUpdate, MAX_ID, Priority, SendMessage};
use crate::delivery;
use crate::error::{Error, Rejection};
use crate::ids;
use crate::inbox;
use crate::jobs::{self, Job, MAX_ERROR, MAX_RECORD, MAX_RESULT, NewJob, State};
use crate::limits;
use crate::params;
use crate::record::{Record, Routing};
use crate::registry::{self, Via};
use crate::routing;
use crate::shorten::shorten;
use crate::timers;
use crate::turn::{Turn, seconds};

/// `blender_send_message`. A payload that dispatches a job to one client is kept as a job; anything else is passed on.
pub fn send(turn: &mut Turn<'_>, call: SendMessage) -> Result<Value, Error> {
    let sender = call.from_uuid.clone().unwrap_or_else(|| turn.server_uuid());
    let Some((routing, recipients)) = routing::recipients(turn, &call, &sender)? else {
        return Ok(json!({
            "status": "unknown_target",
            "target_uuid": call.target_uuid,
            "error": "no client with this target_uuid is registered",
        }));
    };
    let message_id = ids::message_id(turn.entropy)?;
    let given = call.payload.get("job_id").and_then(Value::as_str).map(str::to_owned);
    if given.as_deref().is_some_and(|job_id| job_id.is_empty() || job_id.len() > MAX_ID) {
        return Err(Rejection::JobId.into());
    }
    let job_id = given.unwrap_or_else(|| message_id.clone());
    let dispatches = dispatched(&call.payload).map(str::to_owned);
    if dispatches.is_some()
        && let [only] = recipients.as_slice()
        && jobs::find(turn, &job_id)?.is_some()
    {
        return Ok(json!({
            "status": "ok", "duplicate": true, "message_id": message_id, "job_id": job_id,
            "targets": [only], "routing": routing,
        }));
    }
    let size = call.payload.to_string().len();
    if size > MAX_RECORD {
        return Err(Rejection::TooLong { what: "payload", size, limit: MAX_RECORD }.into());
    }
    limits::admit(turn, recipients.len())?;
    let mut record = Record {
        user_id: turn.user_id.to_owned(),
        from_uuid: sender,
        target_uuid: String::new(),
        routing: routing.clone(),
        payload: call.payload,
        job_id: job_id.clone(),
        message_id: message_id.clone(),
        priority: call.priority.as_u8(),
        timestamp: seconds(turn.now_ms),
        traceparent: turn.trace.traceparent.clone(),
    };
    let answer =
        json!({"status": "ok", "message_id": message_id, "job_id": job_id, "targets": recipients, "routing": routing});
    match (dispatches, recipients.as_slice()) {
        (Some(command), [only]) => {
            record.target_uuid.clone_from(only);
            start_job(turn, &record, &command, call.priority)?;
        }
        (dispatches, recipients) => {
            if dispatches.is_some() {
                note_origin(turn, &record)?;
            }
            for recipient in recipients {
                record.target_uuid.clone_from(recipient);
                inbox::deliver(turn, &record)?;
            }
        }
    }
    Ok(answer)
}

/// The command that a payload dispatches, or `job_dispatch` for a script.
fn dispatched(payload: &Value) -> Option<&str> {
    match payload.get("message_type").and_then(Value::as_str)? {
        "command_dispatch" => Some(payload.get("command").and_then(Value::as_str).unwrap_or("command_dispatch")),
        "job_dispatch" => Some("job_dispatch"),
        _ => None,
    }
}

/// A job goes to several clients: each answers for itself, and every answer goes to whoever sent it.
fn note_origin(turn: &mut Turn<'_>, record: &Record) -> Result<(), Error> {
    turn.sql.query(
        "INSERT INTO origins (job_id, from_uuid, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        params![record.job_id.as_str(), record.from_uuid.as_str(), turn.now_ms],
    )?;
    timers::ensure_retention(turn)
}

fn origin(turn: &Turn<'_>, job_id: &str) -> Result<Option<String>, Error> {
    let rows = turn.sql.query("SELECT from_uuid FROM origins WHERE job_id = ?", params![job_id])?;
    Ok(rows.first().map(|row| row.text(0)).transpose()?)
}

/// Forgets who sent what, after as long as jobs are kept.
pub fn forget_old(turn: &mut Turn<'_>) -> Result<(), Error> {
    let kept_since = turn.now_ms.saturating_sub(jobs::KEPT_MS);
    turn.sql.query("DELETE FROM origins WHERE created_at < ?", params![kept_since])?;
    Ok(())
}

/// Keeps a message that dispatches to a single client as a job.
fn start_job(turn: &mut Turn<'_>, record: &Record, command: &str, priority: Priority) -> Result<(), Error> {
    routing::has_room(turn, 1)?;
    let job = NewJob {
        job_id: record.job_id.clone(),
        command,
        from_uuid: record.from_uuid.clone(),
        target_uuid: &record.target_uuid,
        routing: record.routing.clone(),
        payload: record.payload.clone(),
        priority,
        batch_id: None,
        idempotency_key: None,
    };
    jobs::submit(turn, job)
}

/// `blender_job_update`. The first end of a job stands; a second one changes nothing.
///
/// # Errors
/// `Rejection::AnotherTarget` for a socket that is registered as another client than the job was given to.
pub fn job_update(turn: &mut Turn<'_>, call: JobUpdate, via: Via<'_>) -> Result<Value, Error> {
    let Some(job) = jobs::find(turn, &call.job_id)? else {
        return pass_on(turn, &call, via);
    };
    if let (Some(own), Some(target)) = (via.bound(), &job.target_uuid)
        && own != target
    {
        let (own, target) = (own.to_owned(), target.clone());
        return Err(Rejection::AnotherTarget { job_id: job.job_id, target, own }.into());
    }
    if job.state.is_final() {
        return Ok(json!({
            "status": "ok", "duplicate": true, "job_state": job.state.name(),
            "delivered": "direct", "targets": [job.from_uuid],
        }));
    }
    let refused = record_update(turn, &job, &call)?;
    let targets = vec![job.from_uuid.clone()];
    Ok(match refused {
        Some(error) => json!({"status": "error", "error": error, "delivered": "direct", "targets": targets}),
        None => json!({"status": "ok", "delivered": "direct", "targets": targets}),
    })
}

/// Writes what the update says. A result that is too large fails the job, and the reason is returned.
fn record_update(turn: &mut Turn<'_>, job: &Job, call: &JobUpdate) -> Result<Option<String>, Error> {
    let Some(state) = State::of_update(&call.status) else {
        delivery::acknowledge(turn, job)?;
        report_update(turn, job, &call.status, &call.result, cut(&call.error, MAX_ERROR))?;
        return Ok(None);
    };
    if call.result.len() > MAX_RESULT {
        let reason = too_large(call.result.len());
        end(turn, job, State::Failed, "", &reason)?;
        return Ok(Some(reason));
    }
    end(turn, job, state, &call.result, cut(&call.error, MAX_ERROR))?;
    Ok(None)
}

/// Ends the job, tells whoever sent it, and lets its peer have the next one.
pub fn end(turn: &mut Turn<'_>, job: &Job, state: State, result: &str, error: &str) -> Result<(), Error> {
    jobs::finish(turn, job, state, result, error)?;
    report_update(turn, job, state.name(), result, error)?;
    match job.target_uuid.as_deref() {
        Some(target) => delivery::refill(turn, target),
        None => Ok(()),
    }
}

/// The open jobs of a client that stayed away come to their end as `lost`, and who sent them hears of it.
pub fn lose(turn: &mut Turn<'_>, client_uuid: &str) -> Result<(), Error> {
    if turn.presence.get(client_uuid).is_some() {
        return Ok(());
    }
    let error = format!("{client_uuid} has been away for an hour without an answer");
    for job in jobs::open_of(turn, client_uuid)? {
        end(turn, &job, State::Lost, "", &error)?;
    }
    Ok(())
}

/// The message of a result that is over the limit.
pub fn too_large(size: usize) -> String {
    format!(
        "the result has {size} bytes; a result may have at most {MAX_RESULT}. Return less, for example a page at a \
         time, or write it to a file"
    )
}

/// As much of a text as fits in `limit` bytes.
pub fn cut(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or(text)
}

/// The payload of an update. A result that is too long for a record is cut, and says so: the job's own row has all of it.
fn update_payload(job_id: &str, status: &str, result: &str, error: &str) -> Value {
    let mut payload =
        json!({"kind": "job_update", "job_id": job_id, "status": status, "result": result, "error": error});
    // In JSON a byte takes six at the most.
    if result.len().saturating_add(error.len()) > MAX_RECORD / 8 {
        shorten(&mut payload, MAX_RECORD, "The result is cut here; blender_job_result has all of it.");
    }
    payload
}

/// The update as a record for whoever sent the job. The bus itself waits in the object and needs none.
fn report_update(turn: &mut Turn<'_>, job: &Job, status: &str, result: &str, error: &str) -> Result<(), Error> {
    if job.from_uuid == turn.server_uuid() {
        return Ok(());
    }
    let sender = job.target_uuid.clone().unwrap_or_else(|| turn.server_uuid());
    let routing = Routing::Direct { target_uuid: job.from_uuid.clone() };
    let payload = update_payload(&job.job_id, status, result, error);
    let mut record = report(turn, &job.job_id, sender, &job.from_uuid, routing, payload)?;
    record.traceparent.clone_from(&job.traceparent);
    inbox::deliver(turn, &record).map(|_| ())
}

/// A record about a job. These go out at notice.
pub fn report(
    turn: &mut Turn<'_>,
    job_id: &str,
    from_uuid: String,
    target_uuid: &str,
    routing: Routing,
    payload: Value,
) -> Result<Record, Error> {
    Ok(Record {
        user_id: turn.user_id.to_owned(),
        from_uuid,
        target_uuid: target_uuid.to_owned(),
        routing,
        payload,
        job_id: job_id.to_owned(),
        message_id: ids::message_id(turn.entropy)?,
        priority: Priority::Notice.as_u8(),
        timestamp: seconds(turn.now_ms),
        traceparent: turn.trace.traceparent.clone(),
    })
}

/// An update of no job of ours: it goes to whoever sent the message, or to everyone when that is unknown.
fn pass_on(turn: &mut Turn<'_>, call: &JobUpdate, via: Via<'_>) -> Result<Value, Error> {
    let origin = origin(turn, &call.job_id)?;
    let delivered = if origin.is_some() { "direct" } else { "broadcast" };
    if call.result.len() > MAX_RESULT {
        let error = too_large(call.result.len());
        return Ok(json!({"status": "error", "error": error, "delivered": delivered, "targets": []}));
    }
    let sender = via.bound().map_or_else(|| turn.server_uuid(), str::to_owned);
    let (targets, routing) = match origin {
        Some(origin) => (vec![origin.clone()], Routing::Direct { target_uuid: origin }),
        None => {
            let everyone = registry::all(turn)?.into_iter().map(|client| client.uuid);
            (everyone.filter(|uuid| *uuid != sender).collect(), Routing::Broadcast)
        }
    };
    for target in &targets {
        let payload = update_payload(&call.job_id, &call.status, &call.result, cut(&call.error, MAX_ERROR));
        let record = report(turn, &call.job_id, sender.clone(), target, routing.clone(), payload)?;
        inbox::deliver(turn, &record)?;
    }
    Ok(json!({"status": "ok", "delivered": delivered, "targets": targets}))
}
