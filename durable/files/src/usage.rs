//! What counts against the quota, and whether there is room for more.

use kernel::params;
use kernel::storage::{Sql, StorageError};

use crate::limits::{Limits, shown};
use crate::refusal::{Error, Kind, Refusal};
use crate::wire::Place;

/// Bytes that count: content that some file has, once; an upload with the bytes it is to have.
fn bytes(sql: &dyn Sql, without: i64) -> Result<i64, StorageError> {
    let rows = sql.query(
        "SELECT COALESCE(SUM(MAX(b.bytes, COALESCE(b.expected, 0))), 0) FROM blobs b
         WHERE b.blob <> ? AND EXISTS (SELECT 1 FROM files f WHERE f.blob = b.blob)",
        params![without],
    )?;
    rows.first().map_or(Ok(0), |row| row.integer(0))
}

/// What counts against the limits: bytes, and files with open uploads.
pub fn used(sql: &dyn Sql) -> Result<(i64, i64), StorageError> {
    Ok((bytes(sql, 0)?, count(sql, "1")?))
}

fn count(sql: &dyn Sql, condition: &str) -> Result<i64, StorageError> {
    let rows = sql.query(&format!("SELECT COUNT(*) FROM files WHERE {condition}"), &[])?;
    rows.first().map_or(Ok(0), |row| row.integer(0))
}

/// Whether one more file may be made.
///
/// # Errors
/// `Kind::Quota` and `Kind::Busy`.
pub fn one_more(sql: &dyn Sql, limits: &Limits, is_upload: bool) -> Result<(), Error> {
    if count(sql, "1")? >= limits.files {
        return Err(full(format!("you have {} files, the most that are kept", limits.files)));
    }
    if is_upload && count(sql, "state = 'open'")? >= limits.open_uploads {
        let message = format!(
            "you have {} open uploads, the most there may be: end or delete some, or wait until they are given up",
            limits.open_uploads
        );
        return Err(Refusal::new(Kind::Quota, message).into());
    }
    Ok(())
}

/// Whether a blob may have so many bytes.
///
/// # Errors
/// `Kind::TooLarge` and `Kind::Quota`, which say the limit and what is used.
pub fn room(sql: &dyn Sql, limits: &Limits, place: Place, blob: i64, wanted: i64) -> Result<(), Error> {
    let most = limits.of_file(place);
    if wanted > most {
        let message = format!("a file may have {}, and this one is to have {}", shown(most), shown(wanted));
        return Err(Refusal::new(Kind::TooLarge, message).into());
    }
    let used = bytes(sql, blob)?;
    if used.saturating_add(wanted) > limits.all_bytes {
        return Err(full(format!(
            "your files may have {} together, {} are used, and this one needs {}",
            shown(limits.all_bytes),
            shown(used),
            shown(wanted)
        )));
    }
    Ok(())
}

fn full(what: String) -> Error {
    Refusal::new(Kind::Quota, format!("{what}: delete files that you need no more (blender_list_files)")).into()
}
