//! Jobs that outlive the call that started them: submit, status, result, cancel, list.

use serde_json::{Value, json};

use crate::delivery::{lifecycle, routing, window};
use crate::requests::batches::{self, Placed};
use crate::rows::{guests, inbox, jobs, owners, reach};
use crate::turn::Turn;
use crate::turn::error::{Error, Rejection};
use crate::turn::job::{Job, State};
use crate::wire::envelope::Envelope;
use crate::wire::record::Routing;
use crate::wire::tools::{JobCall, ReceiveMessages, Submit};

/// Answers a call that need not wait.
pub fn call(turn: &mut Turn<'_>, call: JobCall) -> Result<Value, Error> {
    match call {
        JobCall::Submit(call) => submit(turn, &call),
        JobCall::Status(call) => status(turn, &call.job_id),
        JobCall::Result(call) => result(turn, &call.job_id),
        JobCall::Cancel(call) => cancel(turn, &call.job_id),
        JobCall::List(call) => list(turn, call.status.as_deref(), call.limit),
        JobCall::ReceiveMessages(call) => {
            reach::check(turn, &call.client_uuid)?;
            let is_own = owners::is_own(turn, &call.client_uuid)?;
            receive(turn, &call, is_own)
        }
    }
}

/// `blender_receive_messages`. Only the grant that registered the client takes messages away.
pub fn receive(turn: &mut Turn<'_>, call: &ReceiveMessages, is_own: bool) -> Result<Value, Error> {
    let page = inbox::read(turn, &call.client_uuid, call.after.as_deref(), call.limit, is_own)?;
    let mut answer = json!({"messages": page.messages, "next": page.next});
    if let (Some(fields), true) = (answer.as_object_mut(), page.dropped > 0) {
        fields.insert("dropped".to_owned(), Value::from(page.dropped));
    }
    Ok(answer)
}

/// `blender_submit`: one job, or one for each member of a group. The same key starts nothing twice.
fn submit(turn: &mut Turn<'_>, call: &Submit) -> Result<Value, Error> {
    if let Some(key) = &call.idempotency_key
        && let Some(job_id) = jobs::of_key(turn, key)?
    {
        if jobs::reached(turn, &job_id)?.is_none() && jobs::reached_of_batch(turn, &job_id)?.is_empty() {
            return Err(Rejection::Taken { what: "idempotency_key", id: key.clone() }.into());
        }
        let mut known = status(turn, &job_id)?;
        if let Some(fields) = known.as_object_mut() {
            fields.insert("duplicate".to_owned(), Value::from(true));
        }
        return Ok(known);
    }
    if let Some(from_uuid) = &call.from_uuid {
        reach::check(turn, from_uuid)?;
        owners::may_speak_as(turn, from_uuid)?;
    }
    if let Some(group) = &call.target_group {
        return batches::submit(turn, call, group);
    }
    let target_uuid = match routing::pick_peer(turn, &call.command, call.target_uuid.as_deref())? {
        Ok(target_uuid) => target_uuid,
        Err(envelope) => return Ok(not_sent(envelope)),
    };
    routing::has_room(turn, 1)?;
    routing::admit(turn, 1)?;
    let routing = Routing::Direct { target_uuid: target_uuid.clone() };
    let placed = Placed { key: call.idempotency_key.as_deref(), ..Placed::default() };
    let job_id = batches::start(turn, call, &target_uuid, routing, placed)?;
    Ok(json!({"status": "queued", "job_id": job_id, "command": call.command, "target_uuid": target_uuid}))
}

fn not_sent(envelope: Envelope) -> Value {
    let mut answer = json!({"status": envelope.status, "command": envelope.command, "hint": envelope.hint});
    if let (Some(fields), Some(candidates)) = (answer.as_object_mut(), envelope.candidates) {
        fields.insert("candidates".to_owned(), Value::from(candidates));
    }
    answer
}

/// `blender_job_status`, for a job or a batch.
pub fn status(turn: &Turn<'_>, job_id: &str) -> Result<Value, Error> {
    if let Some(job) = jobs::reached(turn, job_id)? {
        return Ok(Value::Object(batches::described(turn, &job)?));
    }
    let members = jobs::reached_of_batch(turn, job_id)?;
    if members.is_empty() {
        return Ok(not_found(job_id));
    }
    batches::status(turn, job_id, &members)
}

/// `blender_job_result`.
fn result(turn: &Turn<'_>, job_id: &str) -> Result<Value, Error> {
    let Some(job) = jobs::reached(turn, job_id)? else { return status(turn, job_id) };
    let mut room = usize::MAX;
    let mut answer = batches::with_result(turn, &job, &mut room)?;
    if job.state.is_open() {
        let hint = "It has not ended yet. Wait for it with blender_job_status and wait_seconds.";
        answer.insert("hint".to_owned(), Value::from(hint));
    }
    Ok(Value::Object(answer))
}

/// `blender_job_cancel`: a job that waits is cancelled, one that was sent is asked to stop.
pub fn cancel(turn: &mut Turn<'_>, job_id: &str) -> Result<Value, Error> {
    let Some(job) = jobs::reached(turn, job_id)? else {
        for member in jobs::reached_of_batch(turn, job_id)? {
            is_its_own(turn, &member)?;
            cancel_one(turn, &member)?;
        }
        return status(turn, job_id);
    };
    is_its_own(turn, &job)?;
    let hint = cancel_one(turn, &job)?;
    let mut answer = status(turn, job_id)?;
    if let Some(fields) = answer.as_object_mut() {
        fields.insert("hint".to_owned(), Value::from(hint));
    }
    Ok(answer)
}

/// # Errors
/// `Rejection::AnothersJob` where a guest cancels what it did not send.
fn is_its_own(turn: &Turn<'_>, job: &Job) -> Result<(), Error> {
    match turn.guest() {
        Some((_, grant_id)) if !guests::is_of(turn, &job.job_id, grant_id)? => {
            Err(Rejection::AnothersJob { job_id: job.job_id.clone() }.into())
        }
        _ => Ok(()),
    }
}

fn cancel_one(turn: &mut Turn<'_>, job: &Job) -> Result<&'static str, Error> {
    jobs::keep_part(turn, job)?;
    match (job.state, job.target_uuid.as_deref()) {
        (State::Queued, _) => {
            lifecycle::end(turn, job, State::Cancelled, "", "cancelled before it ran")?;
            Ok("It will not run.")
        }
        (State::Delivered | State::Running, Some(target)) if turn.presence.get(target).is_none() => {
            lifecycle::end(turn, job, State::Cancelled, "", "cancelled while its Blender was away")?;
            Ok("Its Blender is away. What it had not taken will not run; what it runs is told to stop when it is back.")
        }
        (State::Delivered | State::Running, Some(target)) => {
            window::pass_cancel(turn, target, &job.job_id, "cancelled by the user")?;
            Ok("Blender was asked to stop it and may finish it anyway; blender_job_status tells.")
        }
        _ => Ok("It had ended already."),
    }
}

/// `blender_list_jobs`.
fn list(turn: &Turn<'_>, wanted: Option<&str>, limit: u32) -> Result<Value, Error> {
    let states: Vec<State> = match wanted {
        None => Vec::new(),
        Some(name) => State::ALL.into_iter().filter(|state| state.shown() == name).collect(),
    };
    let found = jobs::list(turn, &states, limit)?;
    let found =
        found.iter().map(|job| Ok(Value::Object(batches::described(turn, job)?))).collect::<Result<Vec<_>, Error>>()?;
    Ok(json!({"status": "ok", "jobs": found}))
}

fn not_found(job_id: &str) -> Value {
    json!({
        "status": "not_found",
        "job_id": job_id,
        "error": "there is no job of this id; jobs are kept for 24 hours, and blender_list_jobs shows them",
    })
}
