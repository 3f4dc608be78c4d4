//! Jobs that a Blender asks about before it runs them (policy `ask`), answered by the owner in the dashboard.
//!
//! The answer is a notification of its own rather than a record, because clients can send records and must not be able
//! to answer for the owner.

use serde_json::{Value, json};

use crate::delivery::lifecycle::{self, Reported};
use crate::delivery::post;
use crate::requests::guests;
use crate::rows::guests::{Consent, consent};
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

/// Whether the job waits for consent, according to its last progress report.
pub fn is_open(job: &Job) -> bool {
    let asks = job.progress.as_ref().and_then(|progress| progress.get("asks"));
    job.state.is_open() && asks.and_then(Value::as_str) == Some(CONSENT)
}

/// Passes the owner's answer on. False if there is no such question, or its Blender is away. The first answer, here or
/// in Blender, decides.
pub fn answer(turn: &mut Turn<'_>, job_id: &str, allow: bool) -> Result<bool, Error> {
    let Some(job) = jobs::find(turn, job_id)?.filter(is_open) else { return Ok(false) };
    if guests::answer(turn, &job, allow)?.is_some() {
        return Ok(true);
    }
    let Some(target) = job.target_uuid.clone() else { return Ok(false) };
    if !tell(turn, &target, job_id, allow)? {
        return Ok(false);
    }
    let message = if allow { "allowed in the dashboard" } else { "refused in the dashboard" };
    let reported = Reported { message: Some(message), ..Reported::default() };
    lifecycle::note_progress(turn, &job, reported)?;
    Ok(true)
}

/// Tells the Blender that asks. Says whether it is there.
fn tell(turn: &mut Turn<'_>, target: &str, job_id: &str, allow: bool) -> Result<bool, Error> {
    let told = notification("notifications/consent", json!({"requestId": job_id, "allow": allow}));
    post::send(turn, target, &told)
}

/// A Blender asks about a guest's job to which the owner has agreed already: it is told so. Says whether it was one.
pub fn is_answered_before(turn: &mut Turn<'_>, job: &Job) -> Result<bool, Error> {
    if consent(turn, &job.job_id)? != Some(Consent::Given) {
        return Ok(false);
    }
    match job.target_uuid.as_deref() {
        Some(target) => tell(turn, target, &job.job_id, true),
        None => Ok(false),
    }
}
