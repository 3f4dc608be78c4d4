//! What an operator's page shows of a bus in numbers. Costs the same however many jobs there were.

use std::collections::BTreeMap;

use kernel::params;

use crate::rows::jobs;
use crate::turn::Turn;
use crate::turn::error::Error;
use crate::wire::views::Counters;

/// How many of the newest jobs are looked at.
const RECENT: i64 = 500;

/// Messages are counted up to this number.
const MAX_COUNTED: i64 = 10_000;

pub fn read(turn: &mut Turn<'_>) -> Result<Counters, Error> {
    let mut states: BTreeMap<String, i64> = BTreeMap::new();
    let mut took = Vec::new();
    let recent = turn.sql.query(
        "SELECT state, CASE state WHEN 'completed' THEN finished_at - created_at END
         FROM jobs ORDER BY seq DESC LIMIT ?",
        params![RECENT],
    )?;
    for row in &recent {
        let count = states.entry(row.text(0)?).or_default();
        *count = count.saturating_add(1);
        took.extend(row.optional_integer(1)?);
    }
    took.sort_unstable();
    let count = |table: &str| -> Result<i64, Error> {
        let statement = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {table} LIMIT ?)");
        Ok(turn.sql.query(&statement, params![MAX_COUNTED])?.first().map_or(Ok(0), |row| row.integer(0))?)
    };
    let (clients, kept_messages) = (count("clients")?, count("inbox")?);
    Ok(Counters {
        open_jobs: jobs::open_jobs(turn)?,
        recent_jobs: states,
        median_ms: share(&took, 50),
        p95_ms: share(&took, 95),
        peers_connected: turn.presence.blenders().len(),
        clients,
        kept_messages,
        database_bytes: turn.sql.size()?,
        most_bytes: turn.presence.limits.storage_bytes,
    })
}

/// The percentile of sorted values.
fn share(sorted: &[i64], percent: usize) -> Option<i64> {
    let place = sorted.len().saturating_mul(percent).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied()
}
