//! Who sent a job that went to several clients: each answers for itself, and every answer goes to its sender.

use kernel::params;

use crate::rows::{jobs, timers};
use crate::turn::Turn;
use crate::turn::error::Error;
use crate::wire::record::Record;

/// A job goes to several clients: each answers for itself, and every answer goes to whoever sent it.
pub fn note_origin(turn: &mut Turn<'_>, record: &Record) -> Result<(), Error> {
    turn.sql.query(
        "INSERT INTO origins (job_id, from_uuid, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        params![record.job_id.as_str(), record.from_uuid.as_str(), turn.now_ms],
    )?;
    timers::ensure_retention(turn)
}

pub fn origin(turn: &Turn<'_>, job_id: &str) -> Result<Option<String>, Error> {
    let rows = turn.sql.query("SELECT from_uuid FROM origins WHERE job_id = ?", params![job_id])?;
    Ok(rows.first().map(|row| row.text(0)).transpose()?)
}

/// Forgets who sent what, after as long as jobs are kept.
pub fn forget_old(turn: &mut Turn<'_>) -> Result<(), Error> {
    let kept_since = turn.now_ms.saturating_sub(jobs::KEPT_MS);
    turn.sql.query("DELETE FROM origins WHERE created_at < ?", params![kept_since])?;
    Ok(())
}
