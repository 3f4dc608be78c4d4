//! Multipart uploads in R2, as far as rows tell of them: which parts are there, and which bytes wait here to make the next.

use kernel::params;
use kernel::storage::{Sql, StorageError};

use crate::refusal::{Error, Refusal};
use crate::rows;
use crate::writing::PART;

/// The part that follows on `known` is in R2: its chunks are not needed here any more. Returns how many bytes are in parts now.
///
/// # Errors
/// If the database fails.
pub fn part_stored(sql: &dyn Sql, blob: i64, known: &Parts, etag: &str) -> Result<i64, StorageError> {
    let parted = known.rest_from.saturating_add(PART);
    sql.query(
        "INSERT INTO parts (blob, number, etag) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET etag = excluded.etag",
        params![blob, known.next(), etag],
    )?;
    sql.query("UPDATE blobs SET parted = ? WHERE blob = ?", params![parted, blob])?;
    sql.query(
        "DELETE FROM chunks WHERE chunk >= ? AND chunk < ?",
        params![rows::chunk_key(blob, 0), rows::chunk_key(blob, rows::chunk_of(parted))],
    )?;
    Ok(parted)
}

/// The parts of a multipart upload, and what belongs to none yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    pub multipart: Option<String>,
    /// Number and ETag, in order.
    pub parts: Vec<(i64, String)>,
    /// Where the bytes begin that are in chunks here, and how many they are.
    pub rest_from: i64,
    pub rest: i64,
}

impl Parts {
    /// The number of the next part, which counts from 1.
    pub fn next(&self) -> i64 {
        i64::try_from(self.parts.len()).unwrap_or(i64::MAX).saturating_add(1)
    }
}

pub fn parts(sql: &dyn Sql, blob: i64) -> Result<Parts, Error> {
    let found = sql.query("SELECT multipart, parted, bytes FROM blobs WHERE blob = ?", params![blob])?;
    let row = found.first().ok_or_else(Refusal::gone)?;
    let listed = sql.query("SELECT number, etag FROM parts WHERE blob = ? ORDER BY number", params![blob])?;
    let (parted, bytes) = (row.integer(1)?, row.integer(2)?);
    Ok(Parts {
        multipart: row.optional_text(0)?,
        parts: listed.iter().map(|row| Ok((row.integer(0)?, row.text(1)?))).collect::<Result<_, StorageError>>()?,
        rest_from: parted,
        rest: bytes.saturating_sub(parted),
    })
}

/// A multipart upload was begun in R2.
pub fn multipart_begun(sql: &dyn Sql, blob: i64, multipart: &str) -> Result<(), StorageError> {
    sql.query("UPDATE blobs SET multipart = ? WHERE blob = ?", params![multipart, blob]).map(|_| ())
}
