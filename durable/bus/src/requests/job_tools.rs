//! Jobs that outlive the call that started them: submit, status, result, cancel, list.

use kernel::{ids, params};
use serde_json::{Map, Value, json};

use crate::delivery::{lifecycle, routing, window};
use crate::rows::{clients, inbox, jobs, owners, reach};
use crate::turn::error::{Error, Rejection};
use crate::turn::job::{self, Job, NewJob, State};
use crate::turn::{Turn, seconds};
use crate::wire::envelope::Envelope;
use crate::wire::priority::Priority;
use crate::wire::record::Routing;
use crate::wire::tools::{JobCall, ReceiveMessages, Submit};
use crate::wire::views::BLENDER;

/// Bytes of results that one answer shows. Beyond that they have to be fetched one by one.
const MAX_RESULTS_SHOWN: usize = job::MAX_RESULT;

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
        return submit_to_group(turn, call, group);
    }
    let target_uuid = match routing::pick_peer(turn, &call.command, call.target_uuid.as_deref())? {
        Ok(target_uuid) => target_uuid,
        Err(envelope) => return Ok(not_sent(envelope)),
    };
    routing::has_room(turn, 1)?;
    routing::admit(turn, 1)?;
    let routing = Routing::Direct { target_uuid: target_uuid.clone() };
    let job_id = start(turn, call, &target_uuid, routing, None, call.idempotency_key.as_deref())?;
    Ok(json!({"status": "queued", "job_id": job_id, "command": call.command, "target_uuid": target_uuid}))
}

fn submit_to_group(turn: &mut Turn<'_>, call: &Submit, group: &str) -> Result<Value, Error> {
    let (reached, parameter) = reach::condition(turn, "uuid");
    let statement =
        format!("SELECT uuid FROM clients WHERE group_id = ? AND client_type = ? AND {reached} ORDER BY uuid");
    let parameters: Vec<_> = params![group, BLENDER].iter().chain(&parameter).cloned().collect();
    let rows = turn.sql.query(&statement, &parameters)?;
    let members = rows.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()?;
    if members.is_empty() {
        return Err(Rejection::EmptyGroup { group: group.to_owned() }.into());
    }
    routing::has_room(turn, members.len())?;
    routing::admit(turn, members.len())?;
    let batch_id = ids::random_id::<6>(job::BATCH_PREFIX, turn.entropy)?;
    let mut started = Vec::new();
    let mut key = call.idempotency_key.as_deref();
    for member in &members {
        let routing = Routing::Group { group_id: group.to_owned() };
        let job_id = start(turn, call, member, routing, Some(&batch_id), key.take())?;
        started.push(json!({"job_id": job_id, "status": "queued", "target_uuid": member}));
    }
    Ok(json!({"status": "queued", "job_id": batch_id, "command": call.command, "jobs": started}))
}

fn start(
    turn: &mut Turn<'_>,
    call: &Submit,
    target_uuid: &str,
    routing: Routing,
    batch_id: Option<&str>,
    idempotency_key: Option<&str>,
) -> Result<String, Error> {
    let job_id = ids::job_id(turn.entropy)?;
    let job = NewJob {
        job_id: job_id.clone(),
        command: &call.command,
        from_uuid: call.from_uuid.clone().unwrap_or_else(|| turn.server_uuid()),
        target_uuid,
        routing,
        payload: lifecycle::command_payload(&job_id, &call.command, &call.params),
        priority: Priority::default(),
        batch_id,
        idempotency_key,
        expires_ms: None,
    };
    lifecycle::submit(turn, job)?;
    Ok(job_id)
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
        return Ok(Value::Object(described(turn, &job)?));
    }
    let members = jobs::reached_of_batch(turn, job_id)?;
    if members.is_empty() {
        return Ok(not_found(job_id));
    }
    let mut room = MAX_RESULTS_SHOWN;
    let shown: Vec<Value> = members
        .iter()
        .map(|job| Ok(Value::Object(with_result(turn, job, &mut room)?)))
        .collect::<Result<_, Error>>()?;
    Ok(json!({"status": batch_status(&members), "job_id": job_id, "jobs": shown}))
}

/// `blender_job_result`.
fn result(turn: &Turn<'_>, job_id: &str) -> Result<Value, Error> {
    let Some(job) = jobs::reached(turn, job_id)? else { return status(turn, job_id) };
    let mut room = usize::MAX;
    let mut answer = with_result(turn, &job, &mut room)?;
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
            cancel_one(turn, &member)?;
        }
        return status(turn, job_id);
    };
    let hint = cancel_one(turn, &job)?;
    let mut answer = status(turn, job_id)?;
    if let Some(fields) = answer.as_object_mut() {
        fields.insert("hint".to_owned(), Value::from(hint));
    }
    Ok(answer)
}

fn cancel_one(turn: &mut Turn<'_>, job: &Job) -> Result<&'static str, Error> {
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
    let found = found.iter().map(|job| Ok(Value::Object(described(turn, job)?))).collect::<Result<Vec<_>, Error>>()?;
    Ok(json!({"status": "ok", "jobs": found}))
}

/// A job without its result. `away_since`: since when the Blender it waits for has been away, in Unix seconds.
fn described(turn: &Turn<'_>, job: &Job) -> Result<Map<String, Value>, Error> {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("status", Value::from(job.shown()));
    put("job_id", Value::from(job.job_id.as_str()));
    put("command", Value::from(job.command.as_str()));
    put("target_uuid", Value::from(job.target_uuid.clone()));
    put("created_at", Value::from(seconds(job.created_ms)));
    put("finished_at", job.finished_ms.map_or(Value::Null, |finished| Value::from(seconds(finished))));
    if let Some(progress) = &job.progress {
        put("progress", progress.clone());
    }
    if !job.error.is_empty() {
        put("error", Value::from(job.error.as_str()));
    }
    if let (true, Some(target)) = (job.state.is_open(), job.target_uuid.as_deref())
        && let Some(away_ms) = clients::away_since_ms(turn, target)?
    {
        put("away_since", Value::from(seconds(away_ms)));
    }
    Ok(fields)
}

/// A job with its result, if that fits in the room that is left.
fn with_result(turn: &Turn<'_>, job: &Job, room: &mut usize) -> Result<Map<String, Value>, Error> {
    let mut fields = described(turn, job)?;
    match room.checked_sub(job.result.len()) {
        Some(left) => {
            *room = left;
            fields.insert("result".to_owned(), Value::from(job.result.as_str()));
            fields.insert("error".to_owned(), Value::from(job.error.as_str()));
            fields.extend(job::extra_fields(job.extra.as_deref()));
        }
        None => {
            let hint = "Its result is too long to stand here beside the others: blender_job_result shows it.";
            fields.insert("hint".to_owned(), Value::from(hint));
        }
    }
    Ok(fields)
}

/// A batch runs until its last job has ended, and is completed when all are.
fn batch_status(members: &[Job]) -> &'static str {
    let any = |wanted: fn(State) -> bool| members.iter().any(|job| wanted(job.state));
    if any(|state| matches!(state, State::Running)) || (any(State::is_open) && any(|state| !state.is_open())) {
        State::Running.name()
    } else if any(State::is_open) {
        State::Queued.name()
    } else if members.iter().all(|job| job.state == State::Completed) {
        State::Completed.name()
    } else {
        State::Failed.name()
    }
}

fn not_found(job_id: &str) -> Value {
    json!({
        "status": "not_found",
        "job_id": job_id,
        "error": "there is no job of this id; jobs are kept for 24 hours, and blender_list_jobs shows them",
    })
}
