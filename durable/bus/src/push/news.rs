//! What an owner is told: once for each job and kind, to each browser that wants to know.

use kernel::params;

use crate::push::pace::{self, Kind};
use crate::push::words::{self, Message};
use crate::push::{browsers, outbox};
use crate::turn::Turn;
use crate::turn::error::Error;
use crate::turn::job::{Job, State};

/// A job that took longer, from being sent to its end, is a long one.
pub const LONG_MS: i64 = 60_000;

/// A Blender asks whether this job may run.
pub fn job_asks(turn: &mut Turn<'_>, job: &Job) -> Result<(), Error> {
    tell(turn, job, Kind::Asks, || words::asks(job))
}

/// A job has ended. Its owner is told of a long one that nobody cancelled.
pub fn job_ended(turn: &mut Turn<'_>, job: &Job, state: State) -> Result<(), Error> {
    let took_ms = turn.now_ms.saturating_sub(job.created_ms);
    if took_ms < LONG_MS || !matches!(state, State::Completed | State::Failed | State::Lost) {
        return Ok(());
    }
    tell(turn, job, Kind::Ends, || words::ended(job, state, took_ms))
}

/// A minute is over in which there was more than it had room for.
pub fn tell_rest(turn: &mut Turn<'_>, kind: &str) -> Result<(), Error> {
    let Some(kind) = Kind::of(kind) else { return Ok(()) };
    let more = pace::take_rest(turn, kind)?;
    if more == 0 {
        return Ok(());
    }
    send(turn, browsers::wanting(turn, kind)?, &words::rest(kind, more))
}

fn tell(turn: &mut Turn<'_>, job: &Job, kind: Kind, message: impl FnOnce() -> Message) -> Result<(), Error> {
    let wanting = browsers::wanting(turn, kind)?;
    if wanting.is_empty() || !is_first(turn, job, kind)? {
        return Ok(());
    }
    if pace::has_room(turn, kind)? { send(turn, wanting, &message()) } else { pace::leave_for_the_rest(turn, kind) }
}

fn send(turn: &mut Turn<'_>, browser_ids: Vec<String>, message: &Message) -> Result<(), Error> {
    browser_ids.iter().try_for_each(|browser_id| outbox::put(turn, browser_id, message))
}

/// Whether the owner has not been told this of the job; from now on they have.
fn is_first(turn: &Turn<'_>, job: &Job, kind: Kind) -> Result<bool, Error> {
    let bit: i64 = if kind == Kind::Asks { 1 } else { 2 };
    let changed = turn.sql.query(
        "UPDATE jobs SET notified = notified | ? WHERE job_id = ? AND notified & ? = 0 RETURNING 1",
        params![bit, job.job_id.as_str(), bit],
    )?;
    Ok(!changed.is_empty())
}
