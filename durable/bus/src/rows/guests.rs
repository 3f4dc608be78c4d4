//! Jobs that came by a share link: which they are, and whether the owner has agreed to them.

use kernel::params;

use crate::turn::Turn;
use crate::turn::error::Error;
use crate::turn::job::is_open;

/// Whether the owner has agreed to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// It waits, and is sent to nobody.
    Asked,
    Given,
}

impl Consent {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Given => "given",
        }
    }
}

/// What the owner has said of a job; none for one that needs no consent.
pub fn consent(turn: &Turn<'_>, job_id: &str) -> Result<Option<Consent>, Error> {
    let rows = turn.sql.query("SELECT consent FROM jobs WHERE job_id = ?", params![job_id])?;
    let name = rows.first().map_or(Ok(None), |row| row.optional_text(0))?;
    Ok(name.and_then(|name| [Consent::Asked, Consent::Given].into_iter().find(|one| one.name() == name)))
}

pub fn give(turn: &mut Turn<'_>, job_id: &str) -> Result<(), Error> {
    turn.sql.query("UPDATE jobs SET consent = ? WHERE job_id = ?", params![Consent::Given.name(), job_id])?;
    Ok(())
}

/// Whether a job came by this grant's share link.
pub fn is_of(turn: &Turn<'_>, job_id: &str, grant_id: &str) -> Result<bool, Error> {
    Ok(!turn.sql.query("SELECT 1 FROM jobs WHERE job_id = ? AND guest = ?", params![job_id, grant_id])?.is_empty())
}

/// The open jobs of a guest, in order of arrival.
pub fn open_of(turn: &Turn<'_>, grant_id: &str) -> Result<Vec<String>, Error> {
    // The first condition repeats that of the partial index.
    let statement =
        concat!("SELECT job_id FROM jobs WHERE guest IS NOT NULL AND guest = ? AND ", is_open!(), " ORDER BY seq");
    turn.sql.query(statement, params![grant_id])?.iter().map(|row| Ok(row.text(0)?)).collect()
}

/// When the last job of a guest came. Unix milliseconds.
pub fn last_ms(turn: &Turn<'_>, grant_id: &str) -> Result<Option<i64>, Error> {
    let statement = "SELECT MAX(created_at) FROM jobs WHERE guest IS NOT NULL AND guest = ?";
    let rows = turn.sql.query(statement, params![grant_id])?;
    Ok(rows.first().map_or(Ok(None), |row| row.optional_integer(0))?)
}
