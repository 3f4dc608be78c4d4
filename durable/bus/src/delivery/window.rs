//! Which jobs a peer is sent now, which again, and which wait until there is room.
//!
//! A peer that acknowledges has at most `WINDOW` unacknowledged jobs. Any other peer gets jobs as they come, and they
//! count as running once they are sent.

use kernel::params;
use kernel::storage::{MAX_INTEGER, Row};
use serde_json::json;

use crate::delivery::post;
use crate::rows::jobs::{backlog, set_state};
use crate::rows::timers::{self, Kind};
use crate::turn::Turn;
use crate::turn::error::Error;
use crate::turn::job::{State, is_open};
use crate::wire::record::notification;

/// Jobs sent to a socket and not yet acknowledged; the rest wait as rows.
pub const WINDOW: i64 = 32;

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

/// A job that could not be sent, and why. It must not keep the others from their peer.
pub type Unsent = (String, Error);

/// A peer has attached: what it was sent and never acknowledged goes again, then what is queued, most urgent first.
pub fn hand_over(turn: &mut Turn<'_>, client_uuid: &str) -> Result<Vec<Unsent>, Error> {
    timers::clear(turn, Kind::Lost, client_uuid)?;
    let mut unsent = resend(turn, client_uuid)?;
    unsent.extend(refill(turn, client_uuid)?);
    Ok(unsent)
}

fn resend(turn: &mut Turn<'_>, client_uuid: &str) -> Result<Vec<Unsent>, Error> {
    if backlog(turn, client_uuid)?.delivered == 0 {
        return Ok(Vec::new());
    }
    // The second condition repeats that of the partial index; without it SQLite does not use the index.
    let unacknowledged = turn.sql.query(
        concat!(
            "SELECT job_id, priority, record, sender FROM jobs WHERE target_uuid = ? AND state = 'delivered' AND ",
            is_open!(),
            " ORDER BY priority, seq"
        ),
        params![client_uuid],
    )?;
    let acknowledges = turn.presence.get(client_uuid).is_some_and(|attached| attached.acknowledges);
    each(&unacknowledged, |row| {
        if acknowledges {
            return post::send_record(
                turn,
                client_uuid,
                priority(row)?,
                &row.text(2)?,
                row.optional_text(3)?.as_deref(),
            );
        }
        // It no longer promises to run nothing twice, so what it was sent before may be running.
        set_state(turn, &row.text(0)?, client_uuid, State::Delivered, State::Running)
    })
}

/// Sends as much of what is queued as the peer has room for.
pub fn refill(turn: &mut Turn<'_>, client_uuid: &str) -> Result<Vec<Unsent>, Error> {
    let Some(acknowledges) = turn.presence.get(client_uuid).map(|attached| attached.acknowledges) else {
        return Ok(Vec::new());
    };
    let (state, room) =
        if acknowledges { (State::Delivered, room(turn, client_uuid)?) } else { (State::Running, MAX_INTEGER) };
    if room <= 0 || backlog(turn, client_uuid)?.queued == 0 {
        return Ok(Vec::new());
    }
    let queued = turn.sql.query(
        concat!(
            "SELECT job_id, priority, record, sender FROM jobs WHERE target_uuid = ? AND state = 'queued' AND ",
            is_open!(),
            " AND consent IS NOT 'asked' ORDER BY priority, seq LIMIT ?"
        ),
        params![client_uuid, room],
    )?;
    each(&queued, |row| {
        post::send_record(turn, client_uuid, priority(row)?, &row.text(2)?, row.optional_text(3)?.as_deref())?;
        set_state(turn, &row.text(0)?, client_uuid, State::Queued, state)
    })
}

/// Handles each row. Returns those that failed; the others are not affected.
fn each(rows: &[Row], mut send: impl FnMut(&Row) -> Result<(), Error>) -> Result<Vec<Unsent>, Error> {
    let mut unsent = Vec::new();
    for row in rows {
        if let Err(error) = send(row) {
            unsent.push((row.text(0)?, error));
        }
    }
    Ok(unsent)
}

fn priority(row: &Row) -> Result<u8, Error> {
    // The column is only ever written from a `Priority`.
    Ok(u8::try_from(row.integer(1)?).unwrap_or(u8::MAX))
}

/// Asks the peer of a running job to stop it.
pub fn pass_cancel(turn: &mut Turn<'_>, client_uuid: &str, job_id: &str, reason: &str) -> Result<(), Error> {
    let cancelled = notification("notifications/cancelled", json!({"requestId": job_id, "reason": reason}));
    post::send(turn, client_uuid, &cancelled).map(|_| ())
}
