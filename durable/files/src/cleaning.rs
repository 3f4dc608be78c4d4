//! What grows old, and what nobody has any more. Runs by alarm, a bounded piece at a time, and is the same when it runs twice.

use kernel::params;
use kernel::storage::{Sql, StorageError};

use crate::limits::OPEN_MS;
use crate::rows;
use crate::wire::Place;

/// Chunks that are dropped at once: a turn that drops a large file would keep its object busy.
const CHUNKS_AT_ONCE: i64 = 32;
/// How soon more is cleaned where something is left.
const SOON_MS: i64 = 50;

/// Content in R2 that nobody has any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    pub blob: i64,
    /// A multipart upload that was not completed.
    pub multipart: Option<String>,
}

/// Deletes what is past its time, and a piece of what nobody has. `busy`: blobs that a request is writing or reading. Returns what
/// is to be deleted in R2; `erased` says that it was done.
pub fn clean(sql: &dyn Sql, busy: &[i64], now_ms: i64) -> Result<Vec<Leftover>, StorageError> {
    let mut in_r2 = Vec::new();
    let over = rows::select(
        sql,
        "(f.state = 'stored' AND f.pinned = 0 AND f.expires_ms <= ?) OR (f.state = 'open' AND b.touched_ms <= ?) LIMIT 200",
        params![now_ms, now_ms.saturating_sub(OPEN_MS)],
    )?;
    for file in over.into_iter().filter(|file| !busy.contains(&file.blob)) {
        sql.query("DELETE FROM files WHERE file_id = ?", params![file.file_id])?;
    }
    let mut left = CHUNKS_AT_ONCE;
    for row in &orphans(sql)? {
        let (blob, place) = (row.integer(0)?, Place::named(&row.text(1)?));
        if busy.contains(&blob) || left <= 0 {
            continue;
        }
        let dropped = i64::try_from(rows::drop_chunks(sql, blob, left)?).unwrap_or(left);
        left = left.saturating_sub(dropped);
        if left <= 0 {
            continue;
        }
        match place {
            Place::Sqlite => forget(sql, blob)?,
            Place::R2 => in_r2.push(Leftover { blob, multipart: row.optional_text(2)? }),
        }
    }
    Ok(in_r2)
}

/// What is in rows comes first: R2 may not be there.
fn orphans(sql: &dyn Sql) -> Result<Vec<kernel::storage::Row>, StorageError> {
    sql.query(
        "SELECT blob, place, multipart FROM blobs b WHERE NOT EXISTS (SELECT 1 FROM files f WHERE f.blob = b.blob)
         ORDER BY place = 'r2' LIMIT 100",
        &[],
    )
}

/// The content is not in R2 any more.
pub fn erased(sql: &dyn Sql, blob: i64) -> Result<(), StorageError> {
    forget(sql, blob)
}

fn forget(sql: &dyn Sql, blob: i64) -> Result<(), StorageError> {
    sql.query("DELETE FROM parts WHERE blob = ?", params![blob])?;
    sql.query("DELETE FROM blobs WHERE blob = ?", params![blob]).map(|_| ())
}

/// When the next cleaning is due. Unix milliseconds; none where there is nothing.
pub fn due_ms(sql: &dyn Sql, now_ms: i64) -> Result<Option<i64>, StorageError> {
    if !orphans(sql)?.is_empty() {
        return Ok(Some(now_ms.saturating_add(SOON_MS)));
    }
    let rows = sql.query(
        "SELECT MIN(CASE WHEN f.state = 'open' THEN b.touched_ms + ? WHEN f.pinned = 0 THEN f.expires_ms END)
         FROM files f JOIN blobs b ON b.blob = f.blob",
        params![OPEN_MS],
    )?;
    rows.first().map_or(Ok(None), |row| row.optional_integer(0))
}

/// Everything in R2, before the account goes.
pub fn all_in_r2(sql: &dyn Sql) -> Result<Vec<Leftover>, StorageError> {
    let rows = sql.query("SELECT blob, multipart FROM blobs WHERE place = 'r2'", &[])?;
    rows.iter().map(|row| Ok(Leftover { blob: row.integer(0)?, multipart: row.optional_text(1)? })).collect()
}
