//! A client with open jobs is away: when its jobs are lost, or go to others.

use kernel::params;

use crate::rows::timers::{self, Kind};
use crate::turn::Turn;
use crate::turn::error::Error;
use crate::turn::job::is_open;

/// A peer away for longer than this loses its open jobs.
pub const LOST_AFTER_MS: i64 = 60 * 60 * 1_000;

/// What a peer without `job_ack` was running when it left is lost after this.
pub const UNANSWERED_AFTER_MS: i64 = 60 * 1_000;

/// A member that renders a part for its group may be away this long before another gets the part.
pub const PART_AWAY_MS: i64 = 15_000;

/// A client with open jobs is away: they are lost after `LOST_AFTER_MS`, and after `PART_AWAY_MS` others of its group get what
/// it renders for that.
pub fn note(turn: &mut Turn<'_>, client_uuid: &str) -> Result<(), Error> {
    timers::ensure(turn, Kind::Lost, client_uuid, turn.now_ms.saturating_add(LOST_AFTER_MS))?;
    let parts = turn.sql.query(
        concat!("SELECT 1 FROM jobs WHERE target_uuid = ? AND tries_left > 0 AND ", is_open!(), " LIMIT 1"),
        params![client_uuid],
    )?;
    if parts.is_empty() {
        return Ok(());
    }
    timers::ensure(turn, Kind::PartsAway, client_uuid, turn.now_ms.saturating_add(PART_AWAY_MS))
}

/// A client has left: its open jobs are lost unless it is back within `LOST_AFTER_MS`, and what it was running within
/// `UNANSWERED_AFTER_MS` if it does not acknowledge.
pub fn note_left(turn: &mut Turn<'_>, client_uuid: &str, acknowledges: bool) -> Result<(), Error> {
    let open = turn.sql.query(
        concat!("SELECT 1 FROM jobs WHERE target_uuid = ? AND ", is_open!(), " LIMIT 1"),
        params![client_uuid],
    )?;
    if open.is_empty() {
        return Ok(());
    }
    note(turn, client_uuid)?;
    if acknowledges { Ok(()) } else { note_unanswered(turn, client_uuid) }
}

/// What a peer without `job_ack` is running now is lost after `UNANSWERED_AFTER_MS`: it has left, or has registered anew, so
/// that nothing says whether it still has it.
pub fn note_unanswered(turn: &mut Turn<'_>, client_uuid: &str) -> Result<(), Error> {
    let running = turn.sql.query(
        concat!("SELECT 1 FROM jobs WHERE target_uuid = ? AND state = 'running' AND ", is_open!(), " LIMIT 1"),
        params![client_uuid],
    )?;
    if running.is_empty() {
        return Ok(());
    }
    let subject = format!("{} {client_uuid}", turn.now_ms);
    timers::ensure(turn, Kind::Unanswered, &subject, turn.now_ms.saturating_add(UNANSWERED_AFTER_MS))
}
