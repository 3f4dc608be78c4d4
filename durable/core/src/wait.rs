//! Waiting for a job: what a dispatch answers, and until when it may sleep.

use crate::envelope::{Envelope, Status};
use crate::error::Error;
use crate::jobs::{self, State};
use crate::turn::{Turn, seconds};

/// A peer that left may come back within this time before its callers are told. Contract: 15 s.
pub const GRACE_MS: i64 = 15_000;

/// A dispatch that has been sent and waits for its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Wait {
    pub job_id: String,
    pub command: String,
    pub target_uuid: String,
    pub started_ms: i64,
    pub deadline_ms: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    Answer(Box<Envelope>),
    /// Look again then, or earlier if the job ends or its peer comes or goes.
    Sleep {
        until_ms: i64,
    },
}

/// Looks whether the wait is over.
pub fn look(turn: &Turn<'_>, wait: &Wait) -> Result<Verdict, Error> {
    let job = jobs::find(turn, &wait.job_id)?;
    if let Some(envelope) = job.as_ref().and_then(jobs::settled) {
        return Ok(Verdict::Answer(Box::new(envelope)));
    }
    if turn.now_ms >= wait.deadline_ms {
        let state = job.map_or(State::Lost, |job| job.state);
        return Ok(Verdict::Answer(Box::new(timeout(turn, wait, state))));
    }
    if turn.presence.get(&wait.target_uuid).is_some() {
        return Ok(Verdict::Sleep { until_ms: wait.deadline_ms });
    }
    let away_since = turn.presence.left_ms(&wait.target_uuid).unwrap_or(wait.started_ms).max(wait.started_ms);
    let patience = away_since.saturating_add(GRACE_MS);
    if turn.now_ms >= patience {
        return Ok(Verdict::Answer(Box::new(disconnected(wait))));
    }
    Ok(Verdict::Sleep { until_ms: patience.min(wait.deadline_ms) })
}

fn timeout(turn: &Turn<'_>, wait: &Wait, state: State) -> Envelope {
    let mut envelope = Envelope::of_job(Status::Timeout, &wait.command, &wait.target_uuid, &wait.job_id);
    let running = state == State::Running;
    envelope.job_state = Some(if running { "running" } else { "queued" }.to_owned());
    envelope.waited_seconds = Some(seconds(turn.now_ms.saturating_sub(wait.started_ms)));
    envelope.hint(
        "The job goes on in Blender and its result is kept for 24 hours under this job_id. Do not send it again; give a \
         longer _timeout next time if it is slow by nature.",
    )
}

fn disconnected(wait: &Wait) -> Envelope {
    Envelope::of_job(Status::Disconnected, &wait.command, &wait.target_uuid, &wait.job_id).hint(
        "This Blender left before it answered. If it comes back, the job goes on and its result is kept under this \
         job_id; sending it again could run it twice.",
    )
}
