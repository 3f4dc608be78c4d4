//! Notifications on their way. Each is a row until a push service has taken it, or it is given up. It is sent after the turn that
//! wrote it; if the object ends before it knows what came of that, its timer sends it again.

use kernel::ids::random_id;
use kernel::params;

use crate::push::browsers;
use crate::push::words::Message;
use crate::rows::timers::{self, Kind};
use crate::turn::Turn;
use crate::turn::effect::{Effect, Push};
use crate::turn::error::Error;

/// When a message is sent again of which nobody knows what became. Longer than sending takes.
const LEASE_MS: i64 = 60_000;

/// How long to wait before each further try.
const PAUSES_MS: [i64; 3] = [15_000, 60_000, 240_000];

/// The longest pause that a push service is granted when it names one.
const MAX_PAUSE_MS: i64 = 60 * 60 * 1_000;

/// What a push service has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It delivers the message.
    Accepted,
    /// There is no such browser any more.
    Gone,
    /// It could not be reached, has failed, or asks for patience, perhaps for so many milliseconds.
    Later { after_ms: Option<i64> },
    /// It will not take this message.
    Refused,
}

/// Sends a message to a browser.
pub fn put(turn: &mut Turn<'_>, browser_id: &str, message: &Message) -> Result<(), Error> {
    let push_id = random_id::<8>("p-", turn.entropy)?;
    turn.sql.query(
        "INSERT INTO push_messages (push_id, browser_id, payload, urgency, expires_ms) VALUES (?, ?, ?, ?, ?)",
        params![
            push_id.as_str(),
            browser_id,
            message.payload.as_str(),
            message.urgency,
            turn.now_ms.saturating_add(message.lasts_ms)
        ],
    )?;
    send(turn, &push_id)
}

/// Has a message sent, unless it is no longer worth it.
pub fn send(turn: &mut Turn<'_>, push_id: &str) -> Result<(), Error> {
    let rows = turn.sql.query(
        "SELECT endpoint, p256dh, auth, site, payload, urgency, expires_ms FROM push_messages
         JOIN push_browsers USING (browser_id) WHERE push_id = ?",
        params![push_id],
    )?;
    let Some(row) = rows.first() else { return drop_message(turn, push_id) };
    let left_ms = row.integer(6)?.saturating_sub(turn.now_ms);
    if left_ms <= 0 {
        return drop_message(turn, push_id);
    }
    let push = Push {
        push_id: push_id.to_owned(),
        endpoint: row.text(0)?,
        p256dh: row.text(1)?,
        auth: row.text(2)?,
        site: row.text(3)?,
        payload: row.text(4)?,
        urgency: row.text(5)?,
        ttl_s: left_ms.div_euclid(1_000),
    };
    timers::ensure(turn, Kind::Push, push_id, turn.now_ms.saturating_add(LEASE_MS))?;
    turn.effects.push(Effect::Push(Box::new(push)));
    Ok(())
}

/// What has become of a message.
pub fn settle(turn: &mut Turn<'_>, push_id: &str, outcome: Outcome) -> Result<(), Error> {
    let rows = turn
        .sql
        .query("SELECT browser_id, tries, expires_ms FROM push_messages WHERE push_id = ?", params![push_id])?;
    // Its browser was removed meanwhile, or the bus erased.
    let Some(row) = rows.first() else { return Ok(()) };
    let (browser_id, tries, expires_ms) = (row.text(0)?, row.integer(1)?, row.integer(2)?);
    timers::clear(turn, Kind::Push, push_id)?;
    match outcome {
        Outcome::Accepted => browsers::note_reached(turn, &browser_id)?,
        Outcome::Gone => return browsers::remove(turn, &browser_id).map(|_| ()),
        Outcome::Refused => browsers::note_failed(turn, &browser_id)?,
        Outcome::Later { after_ms } => {
            if let Some(due_ms) = next_try(turn.now_ms, tries, after_ms).filter(|due_ms| *due_ms < expires_ms) {
                let changed = params![tries.saturating_add(1), push_id];
                turn.sql.query("UPDATE push_messages SET tries = ? WHERE push_id = ?", changed)?;
                return timers::ensure(turn, Kind::Push, push_id, due_ms);
            }
            browsers::note_failed(turn, &browser_id)?;
        }
    }
    drop_message(turn, push_id)
}

/// When a message that was tried so often before is tried again.
fn next_try(now_ms: i64, tries: i64, after_ms: Option<i64>) -> Option<i64> {
    let pause_ms = usize::try_from(tries).ok().and_then(|tries| PAUSES_MS.get(tries))?;
    let asked_ms = after_ms.unwrap_or_default().clamp(0, MAX_PAUSE_MS);
    Some(now_ms.saturating_add(asked_ms.max(*pause_ms)))
}

fn drop_message(turn: &Turn<'_>, push_id: &str) -> Result<(), Error> {
    turn.sql.query("DELETE FROM push_messages WHERE push_id = ?", params![push_id])?;
    Ok(())
}
