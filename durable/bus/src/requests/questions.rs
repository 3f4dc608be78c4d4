//! A job that its Blender asks about before it runs (policy `ask`), answered by the owner of the bus from afar.
//!
//! The answer is a notification of its own and no record: clients can send records in any name, and must not be able to
//! answer for the owner.

use serde_json::{Value, json};

use crate::delivery::lifecycle::{self, Reported};
use crate::delivery::post;
use crate::rows::jobs;
use crate::turn::Turn;
use crate::turn::error::Error;
use crate::turn::job::{CONSENT, Job};
use crate::wire::record::notification;

/// The key in `_meta` of a progress notification by which a peer says that the job waits for an answer.
pub const ASKS: &str = "blender-bus/asks";

/// Whether a progress notification says that its job waits for consent.
pub fn is_asked(params: &Value) -> bool {
    params.get("_meta").and_then(|meta| meta.get(ASKS)).and_then(Value::as_str) == Some(CONSENT)
}

/// Whether the job waits for consent, as far as was heard.
pub fn is_open(job: &Job) -> bool {
    let asks = job.progress.as_ref().and_then(|progress| progress.get("asks"));
    job.state.is_open() && asks.and_then(Value::as_str) == Some(CONSENT)
}

/// Passes the owner's answer on. False if there is no such question, or its Blender is not there to hear of it. Whoever
/// answers first, here or in Blender, decides.
pub fn answer(turn: &mut Turn<'_>, job_id: &str, allow: bool) -> Result<bool, Error> {
    let Some(job) = jobs::find(turn, job_id)?.filter(is_open) else { return Ok(false) };
    let Some(target) = job.target_uuid.clone() else { return Ok(false) };
    let told = notification("notifications/consent", json!({"requestId": job_id, "allow": allow}));
    if !post::send(turn, &target, &told)? {
        return Ok(false);
    }
    let message = if allow { "allowed in the dashboard" } else { "refused in the dashboard" };
    let reported = Reported { message: Some(message), ..Reported::default() };
    lifecycle::note_progress(turn, &job, reported)?;
    Ok(true)
}
