//! The way of jobs to their peer: what may be sent now, what is sent again, and what waits until there is room.
//!
//! A peer that acknowledges gets at most `WINDOW` jobs that it has not acknowledged; any other gets them as they come, and
//! they count as running once they are sent.

use serde_json::json;

use crate::cache::backlog;
use crate::effect::Effect;
use crate::error::Error;
use crate::jobs::{Job, State, set_state};
use crate::params;
use crate::record::notification;
use crate::storage::{MAX_INTEGER, Row};
use crate::subscriptions;
use crate::timers::{self, Kind};
use crate::turn::Turn;

/// Jobs sent to a socket and not yet acknowledged; the rest wait as rows.
pub const WINDOW: i64 = 32;
/// A peer away for longer than this loses its open jobs.
pub const LOST_AFTER_MS: i64 = 60 * 60 * 1_000;

/// The state of a job that could be sent to this peer now: `queued` when it cannot.
pub fn sent_state(turn: &mut Turn<'_>, target_uuid: &str) -> Result<State, Error> {
    match turn.presence.get(target_uuid).map(|attached| attached.acknowledges) {
        None => Ok(State::Queued),
        Some(false) => Ok(State::Running),
        Some(true) if room(turn, target_uuid)? > 0 => Ok(State::Delivered),
        Some(true) => Ok(State::Queued),
    }
}

fn room(turn: &mut Turn<'_>, target_uuid: &str) -> Result<i64, Error> {
    Ok(WINDOW.saturating_sub(backlog(turn, target_uuid)?.delivered))
}

/// A peer has attached: what it was sent and never acknowledged goes again, then what is queued, most urgent first.
pub fn hand_over(turn: &mut Turn<'_>, client_uuid: &str) -> Result<(), Error> {
    timers::clear(turn, Kind::Lost, client_uuid)?;
    resend(turn, client_uuid)?;
    refill(turn, client_uuid)
}

fn resend(turn: &mut Turn<'_>, client_uuid: &str) -> Result<(), Error> {
    if backlog(turn, client_uuid)?.delivered == 0 {
        return Ok(());
    }
    // The second condition is the index's own: without it SQLite would not take the index.
    let unacknowledged = turn.sql.query(
        "SELECT job_id, priority, record FROM jobs WHERE target_uuid = ? AND state = 'delivered'
           AND state IN ('queued', 'delivered', 'running') ORDER BY priority, seq",
        params![client_uuid],
    )?;
    let acknowledges = turn.presence.get(client_uuid).is_some_and(|attached| attached.acknowledges);
    for row in &unacknowledged {
        if acknowledges {
            turn.send_record(client_uuid, priority(row)?, &row.text(2)?)?;
        } else {
            // It does not promise any more to run nothing twice: what it was sent before may be running.
            set_state(turn, &row.text(0)?, client_uuid, State::Delivered, State::Running)?;
        }
    }
    Ok(())
}

/// Sends as much of what is queued as the peer has room for.
pub fn refill(turn: &mut Turn<'_>, client_uuid: &str) -> Result<(), Error> {
    let Some(acknowledges) = turn.presence.get(client_uuid).map(|attached| attached.acknowledges) else {
        return Ok(());
    };
    let (state, room) =
        if acknowledges { (State::Delivered, room(turn, client_uuid)?) } else { (State::Running, MAX_INTEGER) };
    if room <= 0 || backlog(turn, client_uuid)?.queued == 0 {
        return Ok(());
    }
    let queued = turn.sql.query(
        "SELECT job_id, priority, record FROM jobs WHERE target_uuid = ? AND state = 'queued'
           AND state IN ('queued', 'delivered', 'running') ORDER BY priority, seq LIMIT ?",
        params![client_uuid, room],
    )?;
    for row in &queued {
        set_state(turn, &row.text(0)?, client_uuid, State::Queued, state)?;
        turn.send_record(client_uuid, priority(row)?, &row.text(2)?)?;
    }
    Ok(())
}

fn priority(row: &Row) -> Result<u8, Error> {
    // The column is only ever written from a `Priority`.
    Ok(u8::try_from(row.integer(1)?).unwrap_or(u8::MAX))
}

/// A report of its peer came in. The first one acknowledges the job, and then it is true.
pub fn acknowledge(turn: &mut Turn<'_>, job: &Job) -> Result<bool, Error> {
    let (State::Queued | State::Delivered, Some(target)) = (job.state, job.target_uuid.as_deref()) else {
        return Ok(false);
    };
    set_state(turn, &job.job_id, target, job.state, State::Running)?;
    turn.effects.push(Effect::News { subject: job.job_id.clone() });
    subscriptions::job_changed(turn, &job.job_id, false)?;
    refill(turn, target)?;
    Ok(true)
}

/// Asks the peer of a running job to stop it.
pub fn pass_cancel(turn: &mut Turn<'_>, client_uuid: &str, job_id: &str, reason: &str) -> Result<(), Error> {
    let cancelled = notification("notifications/cancelled", json!({"requestId": job_id, "reason": reason}));
    turn.send(client_uuid, &cancelled).map(|_| ())
}

/// A client has left: its open jobs are lost unless it is back within `LOST_AFTER_MS`.
pub fn note_left(turn: &mut Turn<'_>, client_uuid: &str) -> Result<(), Error> {
    let open = turn.sql.query(
        "SELECT 1 FROM jobs WHERE target_uuid = ? AND state IN ('queued', 'delivered', 'running') LIMIT 1",
        params![client_uuid],
    )?;
    if open.is_empty() {
        return Ok(());
    }
    timers::ensure(turn, Kind::Lost, client_uuid, turn.now_ms.saturating_add(LOST_AFTER_MS))
}
