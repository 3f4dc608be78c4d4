//! Jobs as tasks of the MCP extension `io.modelcontextprotocol/tasks`: another view of the same rows, for any job or batch of
//! the user. A task's id is the job's.
//!
//! A job that ended in whatever way, its failure in Blender included, is `completed`: it has the result that the call would
//! have been answered with. `failed` would mean a JSON-RPC error, and a job has none.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use crate::delivery::parts;
use crate::requests::job_tools;
use crate::rows::jobs::{self, KEPT_MS};
use crate::turn::Turn;
use crate::turn::effect::Effect;
use crate::turn::error::Error;
use crate::turn::job::{self, BATCH_PREFIX, Job, State};
use crate::wire::record::notification;
use crate::wire::tool_result;
use crate::wire::topics::Listener;

/// Bounds of the poll interval, which is a tenth of the task's age. Milliseconds.
const POLL_MS: (i64, i64) = (1_000, 15_000);

/// What a notification says of files, whose URLs only the edge can make.
const NO_URLS: &str = "Files have no url here: tasks/get has them, and blender_get_file(file_id) makes one.";

/// A task as `tasks/get` shows it; none where there is no such job or batch.
pub fn find(turn: &Turn<'_>, task_id: &str) -> Result<Option<Value>, Error> {
    find_saying(turn, task_id, None)
}

/// As `find`, with a hint for a result that is about files.
fn find_saying(turn: &Turn<'_>, task_id: &str, of_files: Option<&str>) -> Result<Option<Value>, Error> {
    if let Some(job) = jobs::reached(turn, task_id)? {
        return of_job(turn, job, of_files).map(Some);
    }
    let members = jobs::reached_of_batch(turn, task_id)?;
    if members.is_empty() { Ok(None) } else { of_batch(turn, task_id, &members).map(Some) }
}

/// `tasks/cancel`: the task as it is then; none where there is no such job or batch.
pub fn cancel(turn: &mut Turn<'_>, task_id: &str) -> Result<Option<Value>, Error> {
    job_tools::cancel(turn, task_id)?;
    find(turn, task_id)
}

fn of_job(turn: &Turn<'_>, job: Job, of_files: Option<&str>) -> Result<Value, Error> {
    let changed_ms = job.finished_ms.or(job.updated_ms).unwrap_or(job.created_ms);
    let mut task = times(turn, &job.job_id, job.created_ms, changed_ms);
    task.insert("statusMessage".to_owned(), Value::from(message(turn, &job)));
    let state = job.state;
    match job::settled(job) {
        None => task.insert("status".to_owned(), Value::from("working")),
        Some(_) if state == State::Cancelled => task.insert("status".to_owned(), Value::from("cancelled")),
        Some(mut envelope) => {
            if let Some(hint) = of_files.filter(|_| tool_result::is_about_files(&envelope)) {
                let said = envelope.hint.take().map(|said| format!("{said} ")).unwrap_or_default();
                envelope.hint = Some(said + hint);
            }
            let result = tool_result::of_envelope(envelope);
            complete(&mut task, result.map_err(|source| Error::Stored { what: "envelope", source })?)
        }
    };
    Ok(Value::Object(task))
}

fn of_batch(turn: &Turn<'_>, batch_id: &str, members: &[Job]) -> Result<Value, Error> {
    let first_ms = members.iter().map(|job| job.created_ms).min().unwrap_or(turn.now_ms);
    let changed_ms = members.iter().filter_map(|job| job.finished_ms.or(job.updated_ms)).max().unwrap_or(first_ms);
    let current = parts::current(members);
    let open = current.iter().filter(|job| job.state.is_open()).count();
    let mut task = times(turn, batch_id, first_ms, changed_ms);
    let ended = current.len().saturating_sub(open);
    task.insert("statusMessage".to_owned(), Value::from(format!("{ended} of {} jobs have ended", current.len())));
    if open > 0 {
        task.insert("status".to_owned(), Value::from("working"));
    } else {
        complete(&mut task, tool_result::of(job_tools::status(turn, batch_id)?, false));
    }
    Ok(Value::Object(task))
}

fn times(turn: &Turn<'_>, task_id: &str, created_ms: i64, changed_ms: i64) -> Map<String, Value> {
    let (soonest, latest) = POLL_MS;
    let poll_ms = turn.now_ms.saturating_sub(created_ms).div_euclid(10).clamp(soonest, latest);
    let mut task = Map::new();
    task.insert("taskId".to_owned(), Value::from(task_id));
    task.insert("createdAt".to_owned(), Value::from(timestamp(created_ms)));
    task.insert("lastUpdatedAt".to_owned(), Value::from(timestamp(changed_ms)));
    task.insert("ttlMs".to_owned(), Value::from(KEPT_MS));
    task.insert("pollIntervalMs".to_owned(), Value::from(poll_ms));
    task
}

fn complete(task: &mut Map<String, Value>, mut result: Value) -> Option<Value> {
    if let Some(fields) = result.as_object_mut() {
        fields.insert("resultType".to_owned(), Value::from("complete"));
    }
    task.insert("result".to_owned(), result);
    task.insert("status".to_owned(), Value::from("completed"))
}

fn timestamp(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Where the job stands, in a sentence.
fn message(turn: &Turn<'_>, job: &Job) -> String {
    let target = job.target_uuid.as_deref().unwrap_or("nobody");
    let away = turn.presence.get(target).is_none();
    match job.state {
        State::Queued | State::Delivered | State::Running if away => {
            format!("{target} is not connected; the job goes on when it is back")
        }
        State::Queued | State::Delivered => format!("waits for {target}"),
        State::Running => {
            let of_report = |name: &str| job.progress.as_ref().and_then(|progress| progress.get(name));
            let percent = of_report("percent").and_then(Value::as_f64);
            match (percent, of_report("message").and_then(Value::as_str)) {
                (Some(percent), Some(message)) => format!("{percent} %: {message}"),
                (Some(percent), None) => format!("{percent} %"),
                _ => format!("runs in {target}"),
            }
        }
        State::Completed => format!("done by {target}"),
        State::Failed => format!("failed in {target}"),
        State::Cancelled => "cancelled".to_owned(),
        State::Lost => format!("{target} stayed away without an answer"),
    }
}

/// Whether the job is part of the batch of this id.
pub fn is_member(turn: &Turn<'_>, batch_id: &str, job_id: &str) -> Result<bool, Error> {
    Ok(batch_id.starts_with(BATCH_PREFIX) && jobs::of_batch(turn, batch_id)?.iter().any(|job| job.job_id == job_id))
}

/// Sends a listening stream one of its tasks as it is now, if there is one of this id.
pub fn notify(turn: &mut Turn<'_>, socket_id: &str, listener: &Listener, task_id: &str) -> Result<(), Error> {
    // The change may come from anybody: what is told is what the stream's own token reaches.
    let own = core::mem::replace(&mut turn.bound, listener.bound.clone());
    let found = find_saying(turn, task_id, Some(NO_URLS));
    turn.bound = own;
    let Some(Value::Object(mut task)) = found? else { return Ok(()) };
    task.insert("_meta".to_owned(), listener.meta());
    let frame = format!("\n{}", notification("notifications/tasks", json!(task)));
    turn.effects.push(Effect::Send { socket_id: socket_id.to_owned(), frame });
    Ok(())
}
