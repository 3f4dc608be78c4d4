//! What a waiting request is told of its job: progress and outcome, where the client asked for it.

use serde_json::{Value, json};

use crate::rows::jobs;
use crate::turn::Turn;
use crate::turn::error::Error;
use crate::turn::job::{Job, State};
use crate::wire::command::Line;
use crate::wire::priority::Priority;

/// What was told last.
#[derive(Debug, Default)]
pub struct Told {
    state: Option<State>,
    away: bool,
    progress: Option<Value>,
}

/// What there is to tell of a job since the last time.
pub fn since(turn: &Turn<'_>, job_id: &str, told: &mut Told) -> Result<Vec<Line>, Error> {
    let Some(job) = jobs::find(turn, job_id)? else { return Ok(Vec::new()) };
    let mut lines = Vec::new();
    let away = job.state.is_open() && job.target_uuid.as_deref().is_some_and(|uuid| turn.presence.get(uuid).is_none());
    if told.state != Some(job.state) {
        told.state = Some(job.state);
        let (level, message) = described(turn, &job);
        lines.push(log(&job, level, &message));
    }
    if told.away != away {
        told.away = away;
        let target = job.target_uuid.as_deref().unwrap_or_default();
        lines.push(if away {
            log(&job, Priority::Warning, &format!("{target} is not connected; the job waits for it"))
        } else {
            log(&job, Priority::Notice, &format!("{target} no longer keeps the job waiting"))
        });
    }
    if told.progress != job.progress {
        told.progress.clone_from(&job.progress);
        lines.extend(job.progress.map(Line::Progress));
    }
    Ok(lines)
}

fn described(turn: &Turn<'_>, job: &Job) -> (Priority, String) {
    let target = job.target_uuid.as_deref().unwrap_or_default();
    let took_ms = turn.now_ms.saturating_sub(job.created_ms).max(0);
    match job.state {
        State::Queued => (Priority::Info, format!("queued for {target}")),
        State::Delivered => (Priority::Debug, format!("sent to {target}")),
        State::Running => (Priority::Info, format!("runs in {target}")),
        State::Completed => (Priority::Info, format!("completed after {took_ms} ms")),
        State::Failed => (Priority::Error, format!("failed after {took_ms} ms")),
        State::Cancelled => (Priority::Notice, "cancelled".to_owned()),
        State::Lost => (Priority::Error, format!("lost: {target} stayed away")),
    }
}

fn log(job: &Job, level: Priority, message: &str) -> Line {
    let data = json!({
        "message": message,
        "job_id": job.job_id,
        "command": job.command,
        "target_uuid": job.target_uuid,
        "state": job.state.shown(),
    });
    Line::Log { level, data }
}
