//! Timers: rows behind the object's one alarm. An alarm may come twice or late; what is due is done once.

use kernel::params;

use crate::turn::Turn;
use crate::turn::effect::Effect;
use crate::turn::error::Error;

/// How many timers a turn takes out. The rest waits for the next alarm, which goes off at once.
pub const AT_ONCE: i64 = 100;

/// How often old rows are looked for.
pub const RETENTION_EVERY_MS: i64 = 60 * 60 * 1_000;

/// How soon they are looked for again when there were too many for one turn.
const RETENTION_AGAIN_MS: i64 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Forget what has been kept long enough. Subject: empty.
    Retention,
    /// A peer has stayed away: its open jobs are lost. Subject: the client's uuid.
    Lost,
    /// A peer without `job_ack` has left: what it was running is lost. Subject: when it left and its uuid, a blank between.
    Unanswered,
    /// Nobody waits for a job that no Blender has taken. Subject: the job's id.
    Untaken,
    /// A member that renders parts for its group has left: others get them. Subject: the client's uuid.
    PartsAway,
    /// The owner has not answered about a guest's job. Subject: the job's id.
    Consent,
    /// A socket outlives its access token. Subject: the socket's id.
    SocketExpiry,
    /// A notification is to be sent again. Subject: its id.
    Push,
    /// A minute is over in which there were too many notifications. Subject: their kind.
    PushRest,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::Retention,
        Self::Lost,
        Self::Unanswered,
        Self::Untaken,
        Self::PartsAway,
        Self::Consent,
        Self::SocketExpiry,
        Self::Push,
        Self::PushRest,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Retention => "retention",
            Self::Lost => "lost",
            Self::Unanswered => "unanswered",
            Self::Untaken => "untaken",
            Self::PartsAway => "parts_away",
            Self::Consent => "consent",
            Self::SocketExpiry => "socket_expiry",
            Self::Push => "push",
            Self::PushRest => "push_rest",
        }
    }
}

/// Sets the timer unless it is set already.
pub fn ensure(turn: &mut Turn<'_>, kind: Kind, subject: &str, due_ms: i64) -> Result<(), Error> {
    let set = turn.sql.query(
        "INSERT INTO timers (kind, subject, due) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING due",
        params![kind.name(), subject, due_ms],
    )?;
    if !set.is_empty() {
        turn.effects.push(Effect::Arm { due_ms });
    }
    Ok(())
}

/// Sees to it that old rows are looked for.
pub fn ensure_retention(turn: &mut Turn<'_>) -> Result<(), Error> {
    if !turn.presence.cache.retention_is_set() {
        ensure(turn, Kind::Retention, "", turn.now_ms.saturating_add(RETENTION_EVERY_MS))?;
        turn.presence.cache.note_retention(true);
    }
    Ok(())
}

/// Has old rows looked for again at once: there were more than one turn could drop.
pub fn hasten_retention(turn: &mut Turn<'_>) -> Result<(), Error> {
    ensure(turn, Kind::Retention, "", turn.now_ms.saturating_add(RETENTION_AGAIN_MS))?;
    turn.presence.cache.note_retention(true);
    Ok(())
}

pub fn clear(turn: &mut Turn<'_>, kind: Kind, subject: &str) -> Result<(), Error> {
    turn.sql.query("DELETE FROM timers WHERE kind = ? AND subject = ?", params![kind.name(), subject])?;
    Ok(())
}

/// Takes out what is due, earliest first, at most `AT_ONCE`.
pub fn take_due(turn: &mut Turn<'_>) -> Result<Vec<(Kind, String)>, Error> {
    turn.presence.cache.note_retention(false);
    let rows = turn
        .sql
        .query("SELECT kind, subject FROM timers WHERE due <= ? ORDER BY due LIMIT ?", params![turn.now_ms, AT_ONCE])?;
    let mut due = Vec::new();
    for row in &rows {
        let (name, subject) = (row.text(0)?, row.text(1)?);
        turn.sql
            .query("DELETE FROM timers WHERE kind = ? AND subject = ?", params![name.as_str(), subject.as_str()])?;
        if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name() == name) {
            due.push((kind, subject));
        }
    }
    Ok(due)
}

/// When the alarm has to go off next.
pub fn next_due(turn: &Turn<'_>) -> Result<Option<i64>, Error> {
    let rows = turn.sql.query("SELECT due FROM timers ORDER BY due LIMIT 1", &[])?;
    Ok(rows.first().map(|row| row.integer(0)).transpose()?)
}
