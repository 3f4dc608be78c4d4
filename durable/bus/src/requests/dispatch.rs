//! A command that a caller waits for.

use kernel::ids;
use serde_json::Value;

use crate::delivery::{lifecycle, routing};
use crate::requests::wait::{self, Answered, Outcome, Wait};
use crate::rows::jobs;
use crate::turn::Turn;
use crate::turn::error::Error;
use crate::turn::job::NewJob;
use crate::wire::command::Reply;
use crate::wire::priority::Priority;
use crate::wire::record::Routing;

/// A job that no Blender has taken is lost this long after its caller stopped waiting. Contract: 60 s.
const UNTAKEN_MS: i64 = 60_000;

/// How long a caller waits.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub timeout_ms: i64,
    /// After this a client that supports tasks gets one.
    pub task_after_ms: Option<i64>,
    /// It does not wait for a job of somebody else that does not yield.
    pub or_busy: bool,
}

/// Starts a job in a Blender and waits for it, or answers why there is none.
pub fn dispatch(
    turn: &mut Turn<'_>,
    command: &str,
    params: Value,
    wanted: Option<&str>,
    Patience { timeout_ms, task_after_ms, or_busy }: Patience,
) -> Result<Outcome, Error> {
    let target_uuid = match routing::pick_peer(turn, command, wanted)? {
        Ok(target_uuid) => target_uuid,
        Err(envelope) => return Ok(Reply::Envelope { envelope: Box::new(envelope) }.into()),
    };
    if or_busy && let Some(running) = jobs::busy_of(turn, &target_uuid)? {
        return Ok(Reply::Envelope { envelope: Box::new(wait::busy(turn, command, &target_uuid, &running)) }.into());
    }
    routing::has_room(turn, 1)?;
    routing::admit(turn, 1)?;
    let job_id = ids::job_id(turn.entropy)?;
    let job = NewJob {
        job_id: job_id.clone(),
        command,
        from_uuid: turn.server_uuid(),
        target_uuid: &target_uuid,
        routing: Routing::Direct { target_uuid: target_uuid.clone() },
        payload: lifecycle::command_payload(&job_id, command, params),
        priority: Priority::default(),
        batch_id: None,
        idempotency_key: None,
        expires_ms: Some(turn.now_ms.saturating_add(timeout_ms).saturating_add(UNTAKEN_MS)),
        part: None,
    };
    lifecycle::dispatch(turn, job)?;
    let answered = Answered { command: command.to_owned(), target_uuid, task_at_ms: None, or_busy };
    Ok(Outcome::Wait(Wait {
        subject: job_id,
        for_what: answered.or_task_after(turn.now_ms, task_after_ms).into(),
        started_ms: turn.now_ms,
        deadline_ms: turn.now_ms.saturating_add(timeout_ms),
        is_slow: false,
        bound: turn.bound.clone(),
    }))
}
