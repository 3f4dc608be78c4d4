//! How often an owner is told: so many notifications of a kind a minute, then one that says how many more there were.

use kernel::params;

use crate::rows::timers;
use crate::turn::Turn;
use crate::turn::error::Error;

/// Notifications of one kind in a minute.
pub const A_MINUTE: i64 = 5;

const MINUTE_MS: i64 = 60_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A Blender asks whether a job may run.
    Asks,
    /// A job that took long has ended.
    Ends,
    /// The owner wants to see whether it works.
    Test,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Asks, Self::Ends, Self::Test];

    pub fn name(self) -> &'static str {
        match self {
            Self::Asks => "asks",
            Self::Ends => "ends",
            Self::Test => "test",
        }
    }

    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A minute of one kind.
struct Minute {
    since_ms: i64,
    told: i64,
    more: i64,
}

/// Whether one more may be told now; it then counts as told.
pub fn has_room(turn: &mut Turn<'_>, kind: Kind) -> Result<bool, Error> {
    let minute = read(turn, kind)?;
    let has_room = minute.more == 0 && minute.told < A_MINUTE;
    if has_room {
        write(turn, kind, &Minute { told: minute.told.saturating_add(1), ..minute })?;
    }
    Ok(has_room)
}

/// One more is told with the rest, when the minute is over.
pub fn leave_for_the_rest(turn: &mut Turn<'_>, kind: Kind) -> Result<(), Error> {
    let minute = read(turn, kind)?;
    timers::ensure(turn, timers::Kind::PushRest, kind.name(), minute.since_ms.saturating_add(MINUTE_MS))?;
    write(turn, kind, &Minute { more: minute.more.saturating_add(1), ..minute })
}

/// The minute is over: how many are the rest. Telling it is the first of the next minute.
pub fn take_rest(turn: &mut Turn<'_>, kind: Kind) -> Result<i64, Error> {
    let rest = read(turn, kind)?.more;
    write(turn, kind, &Minute { since_ms: turn.now_ms, told: 1, more: 0 })?;
    Ok(rest)
}

/// The minute that runs. One that is over, or that a clock set back has moved, gives way to a new one, unless its rest is still to
/// be told.
fn read(turn: &Turn<'_>, kind: Kind) -> Result<Minute, Error> {
    let rows = turn.sql.query("SELECT since_ms, told, more FROM push_pace WHERE kind = ?", params![kind.name()])?;
    let fresh = Minute { since_ms: turn.now_ms, told: 0, more: 0 };
    let Some(row) = rows.first() else { return Ok(fresh) };
    let minute = Minute { since_ms: row.integer(0)?, told: row.integer(1)?, more: row.integer(2)? };
    let runs = (0..MINUTE_MS).contains(&turn.now_ms.saturating_sub(minute.since_ms));
    Ok(if runs || minute.more > 0 { minute } else { fresh })
}

fn write(turn: &Turn<'_>, kind: Kind, minute: &Minute) -> Result<(), Error> {
    turn.sql.query(
        "INSERT INTO push_pace (kind, since_ms, told, more) VALUES (?, ?, ?, ?)
         ON CONFLICT (kind) DO UPDATE SET since_ms = excluded.since_ms, told = excluded.told, more = excluded.more",
        params![kind.name(), minute.since_ms, minute.told, minute.more],
    )?;
    Ok(())
}
