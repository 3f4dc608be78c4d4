//! `blender_send_message` and `blender_job_update`: what clients say to each other.

use kernel::scopes::Scopes;
use kernel::{ids, text};
use serde_json::{Map, Value, json};

use crate::clients::registry::Via;
use crate::delivery::{lifecycle, parts, post, routing};
use crate::rows::jobs;
use crate::rows::{clients, origins, owners, reach};
use crate::turn::error::{Error, Rejection};
use crate::turn::job::{EXTRA, Job, MAX_ERROR, MAX_EXTRA, MAX_RESULT, NewJob, State};
use crate::turn::{Turn, seconds};
use crate::wire::priority::Priority;
use crate::wire::record::{Record, Routing};
use crate::wire::tool_parameters::MAX_ID;
use crate::wire::tools::{JobUpdate, SendMessage};

/// `blender_send_message`. A payload that dispatches a job to one client is kept as a job; anything else is passed on.
pub fn send(turn: &mut Turn<'_>, mut call: SendMessage) -> Result<Value, Error> {
    if let Some(from_uuid) = &call.from_uuid {
        reach::check(turn, from_uuid)?;
        owners::may_speak_as(turn, from_uuid)?;
    }
    let sender = call.from_uuid.clone().unwrap_or_else(|| turn.server_uuid());
    let Some((routing, recipients)) = routing::recipients(turn, &call, &sender)? else {
        return Ok(json!({
            "status": "unknown_target",
            "target_uuid": call.target_uuid,
            "error": "no client with this target_uuid is registered",
        }));
    };
    let message_id = ids::message_id(turn.entropy)?;
    let job_id = named_job(&call.payload)?.unwrap_or_else(|| message_id.clone());
    let dispatches = dispatched(&call.payload).map(str::to_owned);
    let mut answer =
        json!({"status": "ok", "message_id": message_id, "job_id": job_id, "targets": recipients, "routing": routing});
    may_use(turn, &job_id, &sender, dispatches.is_some())?;
    let known = if dispatches.is_some() && recipients.len() == 1 { jobs::find(turn, &job_id)? } else { None };
    if let Some(open) = known.as_ref().filter(|known| known.state.is_open()) {
        if let Some(fields) = answer.as_object_mut() {
            fields.insert("duplicate".to_owned(), Value::from(true));
            fields.insert("job_state".to_owned(), Value::from(open.shown()));
        }
        return Ok(answer);
    }
    jobs::fits("payload", &kernel::json::text(&call.payload))?;
    routing::admit(turn, recipients.len())?;
    if dispatches.is_some() {
        // Peers read the id from the payload.
        call.payload.as_object_mut().map(|payload| payload.insert("job_id".to_owned(), Value::from(job_id.as_str())));
    }
    let record = Record {
        user_id: turn.user_id.to_owned(),
        from_uuid: sender,
        target_uuid: String::new(),
        routing,
        payload: call.payload,
        job_id: job_id.clone(),
        message_id,
        priority: call.priority.as_u8(),
        timestamp: seconds(turn.now_ms),
        traceparent: turn.trace.traceparent.clone(),
    };
    carry(turn, record, dispatches.as_deref().map(|command| (command, call.priority)), &recipients, known.is_some())?;
    Ok(answer)
}

/// Makes a job of a record that dispatches to one client (`again`: its id has been used), or sends it to each recipient.
fn carry(
    turn: &mut Turn<'_>,
    mut record: Record,
    dispatches: Option<(&str, Priority)>,
    recipients: &[String],
    again: bool,
) -> Result<(), Error> {
    if let (Some((command, priority)), [only]) = (dispatches, recipients) {
        record.target_uuid.clone_from(only);
        if again {
            // The id of an ended job starts a new run, whose outcome replaces the old one.
            jobs::forget(turn, &record.job_id)?;
        }
        return start_job(turn, &record, command, priority);
    }
    if dispatches.is_some() {
        origins::note_origin(turn, &record)?;
    }
    for recipient in recipients {
        record.target_uuid.clone_from(recipient);
        post::deliver(turn, &record)?;
    }
    Ok(())
}

/// A bound token neither touches nor learns of a job of a client that it does not reach, and dispatches none under an id that
/// another sender has used for several clients.
///
/// # Errors
/// `Rejection::Taken`.
fn may_use(turn: &Turn<'_>, job_id: &str, sender: &str, dispatches: bool) -> Result<(), Error> {
    let is_hidden = || Ok::<_, Error>(jobs::find(turn, job_id)?.is_some() && jobs::reached(turn, job_id)?.is_none());
    let is_anothers =
        || Ok::<_, Error>(dispatches && origins::origin(turn, job_id)?.is_some_and(|from| from != sender));
    if turn.bound.is_some() && (is_hidden()? || is_anothers()?) {
        return Err(Rejection::Taken { what: "payload.job_id", id: job_id.to_owned() }.into());
    }
    Ok(())
}

/// The id that a payload names.
///
/// # Errors
/// `Rejection::JobId` for one that is empty or too long.
fn named_job(payload: &Value) -> Result<Option<String>, Error> {
    let Some(job_id) = payload.get("job_id").and_then(Value::as_str) else { return Ok(None) };
    if job_id.is_empty() || job_id.len() > MAX_ID {
        return Err(Rejection::JobId.into());
    }
    Ok(Some(job_id.to_owned()))
}

/// The command that a payload dispatches, or `job_dispatch` for a script.
fn dispatched(payload: &Value) -> Option<&str> {
    match payload.get("message_type").and_then(Value::as_str)? {
        "command_dispatch" => Some(payload.get("command").and_then(Value::as_str).unwrap_or("command_dispatch")),
        "job_dispatch" => Some("job_dispatch"),
        _ => None,
    }
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
        expires_ms: None,
        part: None,
    };
    lifecycle::submit(turn, job)
}

/// `blender_job_update`. The first end of a job stands; a second one changes nothing. It counts only from the client that the
/// job was given to: over its own socket, or over HTTP from the grant that registered it.
///
/// Files of one job.
const MAX_FILES: usize = 100;

fn is_file(value: &Value) -> bool {
    value.get("file_id").is_some_and(Value::is_string)
}

/// A URL is good for an hour: whoever answers makes another, and none is kept.
fn without_urls(mut extra: Map<String, Value>) -> Map<String, Value> {
    let drop_url = |file: &mut Value| {
        if let Some(fields) = file.as_object_mut() {
            fields.remove("url");
        }
    };
    extra.get_mut("result_file").into_iter().for_each(drop_url);
    extra.get_mut("files").and_then(Value::as_array_mut).into_iter().flatten().for_each(drop_url);
    extra
}

/// # Errors
/// `Rejection::Unregistered`, `Rejection::AnotherTarget`, `Rejection::NotTarget`, and what `pass_on` refuses.
pub fn job_update(turn: &mut Turn<'_>, call: JobUpdate, via: Via<'_>) -> Result<Value, Error> {
    let Some(job) = jobs::reached(turn, &call.job_id)? else {
        return pass_on(turn, &call, via);
    };
    check_target(turn, &job, via)?;
    if job.state.is_final() {
        return Ok(json!({
            "status": "ok", "duplicate": true, "job_state": job.state.name(),
            "delivered": "direct", "targets": [job.from_uuid],
        }));
    }
    let job = Job { extra: call.extra.as_ref().and_then(kept_extra), ..job };
    let refused = record_update(turn, &job, &call)?;
    if matches!(State::of_update(&call.status), Some(State::Failed | State::Cancelled)) {
        parts::give_on_failed(turn, &job)?;
    }
    let targets = vec![job.from_uuid.clone()];
    Ok(match refused {
        Some(error) => json!({"status": "error", "error": error, "delivered": "direct", "targets": targets}),
        None => json!({"status": "ok", "delivered": "direct", "targets": targets}),
    })
}

/// What is kept of what goes beside a result; nothing of more than that may be, since the result itself counts.
fn kept_extra(extra: &Map<String, Value>) -> Option<String> {
    let fits = |name: &str, value: &Value| match name {
        "changes" | "checkpoint" => value.is_object(),
        "result_file" => is_file(value),
        "files" => value
            .as_array()
            .is_some_and(|files| !files.is_empty() && files.len() <= MAX_FILES && files.iter().all(is_file)),
        _ => value.is_string(),
    };
    let known = |name: &&str| extra.get(*name).filter(|value| fits(name, value)).is_some();
    let kept: Map<String, Value> = EXTRA
        .into_iter()
        .filter(known)
        .filter_map(|name| extra.get(name).map(|value| (name.to_owned(), value.clone())))
        .collect();
    let text = Value::Object(without_urls(kept)).to_string();
    (text.len() > "{}".len() && text.len() <= MAX_EXTRA).then_some(text)
}

/// # Errors
/// `Rejection::Unregistered`, `Rejection::AnotherTarget`, `Rejection::NotTarget`.
fn check_target(turn: &Turn<'_>, job: &Job, via: Via<'_>) -> Result<(), Error> {
    let (job_id, target) = (job.job_id.clone(), job.target_uuid.clone().unwrap_or_default());
    match via {
        Via::Socket { bound: None, .. } => Err(Rejection::Unregistered.into()),
        Via::Socket { bound: Some(own), .. } if own != target => {
            Err(Rejection::AnotherTarget { job_id, target, own: own.to_owned() }.into())
        }
        Via::Http { .. } if !owners::is_own(turn, &target)? => Err(Rejection::NotTarget { job_id, target }.into()),
        _ => Ok(()),
    }
}

/// Writes what the update says. A result that is too large fails the job, and the reason is returned.
fn record_update(turn: &mut Turn<'_>, job: &Job, call: &JobUpdate) -> Result<Option<String>, Error> {
    let Some(state) = State::of_update(&call.status) else {
        routing::admit(turn, 1)?;
        lifecycle::acknowledge(turn, job)?;
        lifecycle::report_update(turn, job, &call.status, &call.result, text::cut(&call.error, MAX_ERROR))?;
        return Ok(None);
    };
    if call.result.len() > MAX_RESULT {
        let reason = lifecycle::too_large(call.result.len());
        lifecycle::end(turn, job, State::Failed, "", &reason)?;
        return Ok(Some(reason));
    }
    lifecycle::end(turn, job, state, &call.result, text::cut(&call.error, MAX_ERROR))?;
    Ok(None)
}

/// An update of a job that the bus does not know: it goes to the sender of the message, or to everyone if the sender is
/// unknown. A client that may not send messages, or not to everyone, answers what it was sent, in its own name.
///
/// # Errors
/// `Rejection::Unregistered`, `Rejection::UnknownJob`, and the limits of messages.
fn pass_on(turn: &mut Turn<'_>, call: &JobUpdate, via: Via<'_>) -> Result<Value, Error> {
    let origin = origins::origin(turn, &call.job_id)?;
    if turn.bound.is_some() || !owners::has_scope(turn, Scopes::BUS_DISPATCH) {
        if via.bound().is_none() {
            return Err(Rejection::Unregistered.into());
        }
        if origin.is_none() {
            return Err(Rejection::UnknownJob { job_id: call.job_id.clone() }.into());
        }
    }
    let delivered = if origin.is_some() { "direct" } else { "broadcast" };
    if call.result.len() > MAX_RESULT {
        let error = lifecycle::too_large(call.result.len());
        return Ok(json!({"status": "error", "error": error, "delivered": delivered, "targets": []}));
    }
    let sender = via.bound().map_or_else(|| turn.server_uuid(), str::to_owned);
    let (targets, routing) = match origin {
        Some(origin) => (vec![origin.clone()], Routing::Direct { target_uuid: origin }),
        None => {
            let everyone = clients::all(turn)?.into_iter().map(|client| client.uuid);
            (everyone.filter(|uuid| *uuid != sender).collect(), Routing::Broadcast)
        }
    };
    routing::admit(turn, targets.len())?;
    for target in &targets {
        let payload =
            lifecycle::update_payload(&call.job_id, &call.status, &call.result, text::cut(&call.error, MAX_ERROR));
        let record = lifecycle::report(turn, &call.job_id, sender.clone(), target, routing.clone(), payload)?;
        post::deliver(turn, &record)?;
    }
    Ok(json!({"status": "ok", "delivered": delivered, "targets": targets}))
}
