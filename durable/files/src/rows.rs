//! The tables: reading and writing their rows.

use kernel::params;
use kernel::storage::{Row, Sql, StorageError, Value};

use crate::limits::OPEN_MS;
use crate::refusal::{Error, Refusal};
use crate::wire::{File, Place, Standing, Token, Who};

/// Bytes of a chunk, but for the last of a blob.
pub const CHUNK: usize = 1024 * 1024;
/// The most chunks of a blob: one for each number beside it in `chunk`.
pub const CHUNKS_OF_BLOB: i64 = 1 << 20;

const COLUMNS: &str = "f.seq, f.file_id, f.name, f.mime_type, f.state, f.blob, f.declared_bytes, f.declared_sha256, f.grant_id, \
                       f.blender, f.job_id, f.created_ms, f.expires_ms, f.pinned, b.bytes, b.sha256, b.expected, b.place, \
                       b.touched_ms, f.kind = 'result'";

/// A file or an upload, with its content.
#[derive(Debug, Clone, PartialEq)]
pub struct FileRow {
    pub seq: i64,
    pub file_id: String,
    pub name: String,
    pub mime_type: String,
    pub is_stored: bool,
    pub blob: i64,
    pub declared_bytes: Option<i64>,
    pub declared_sha256: Option<String>,
    pub grant_id: String,
    pub blender: Option<String>,
    pub job_id: Option<String>,
    pub created_ms: i64,
    pub expires_ms: i64,
    pub pinned: bool,
    pub bytes: i64,
    pub sha256: Option<String>,
    pub expected: Option<i64>,
    pub place: Place,
    pub touched_ms: i64,
    /// The long result of a job.
    pub is_result: bool,
}

impl FileRow {
    fn of(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            seq: row.integer(0)?,
            file_id: row.text(1)?,
            name: row.text(2)?,
            mime_type: row.text(3)?,
            is_stored: row.text(4)? == STORED,
            blob: row.integer(5)?,
            declared_bytes: row.optional_integer(6)?,
            declared_sha256: row.optional_text(7)?,
            grant_id: row.text(8)?,
            blender: row.optional_text(9)?,
            job_id: row.optional_text(10)?,
            created_ms: row.integer(11)?,
            expires_ms: row.integer(12)?,
            pinned: row.boolean(13)?,
            bytes: row.integer(14)?,
            sha256: row.optional_text(15)?,
            expected: row.optional_integer(16)?,
            place: Place::named(&row.text(17)?),
            touched_ms: row.integer(18)?,
            is_result: row.boolean(19)?,
        })
    }

    /// As clients see a stored file.
    pub fn shown(&self) -> File {
        File {
            file_id: self.file_id.clone(),
            name: self.name.clone(),
            mime_type: self.mime_type.clone(),
            bytes: self.bytes,
            sha256: self.sha256.clone().unwrap_or_default(),
            created_at: seconds(self.created_ms),
            expires_at: (!self.pinned).then(|| seconds(self.expires_ms)),
            blender: self.blender.clone(),
            job_id: self.job_id.clone(),
        }
    }

    pub fn standing(&self) -> Standing {
        let expires_ms = if self.is_stored { self.expires_ms } else { self.touched_ms.saturating_add(OPEN_MS) };
        let length = if self.is_stored { Some(self.bytes) } else { self.declared_bytes.or(self.expected) };
        Standing { offset: self.bytes, length, expires_ms }
    }

    /// Whether it is past its time: as good as not there, until it is cleaned away.
    pub fn is_over(&self, now_ms: i64) -> bool {
        let over = self.standing().expires_ms <= now_ms;
        if self.is_stored { over && !self.pinned } else { over }
    }
}

pub const STORED: &str = "stored";
pub const OPEN: &str = "open";

/// Unix milliseconds as seconds.
#[allow(clippy::cast_precision_loss)]
pub fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// What somebody wants to do with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    Read,
    /// Upload to it, or delete it.
    Change,
}

/// Whether a file is one that this caller may see, and use in this way.
pub fn may(who: &Who, file: &FileRow, use_: Use) -> bool {
    let Who::Token(token) = who else { return true };
    let is_own = token.grant_id == file.grant_id;
    is_own || (is_of_its_blenders(token, file, use_) && !(use_ == Use::Change && token.only_own))
}

fn is_of_its_blenders(token: &Token, file: &FileRow, use_: Use) -> bool {
    let Some(blenders) = &token.blenders else { return true };
    let is_lent = use_ == Use::Read && token.lent.as_ref() == Some(&file.file_id);
    is_lent || file.blender.as_ref().is_some_and(|blender| blenders.contains(blender))
}

/// The SQL condition for files that this caller sees, and its parameters; what is lent is not part of it.
pub fn seen(who: &Who) -> (String, Vec<Value>) {
    let Who::Token(Token { grant_id, blenders: Some(blenders), .. }) = who else { return ("1".to_owned(), Vec::new()) };
    // The runtime takes 100 parameters, and a group may have more Blenders.
    let list = serde_json::to_string(blenders).unwrap_or_default();
    let condition = "(f.grant_id = ? OR f.blender IN (SELECT value FROM json_each(?)))";
    (condition.to_owned(), vec![Value::from(grant_id.as_str()), Value::from(list)])
}

/// # Errors
/// `Refusal` of the kind `NotFound` for one that is not there, past its time, or not the caller's to use so.
pub fn find(sql: &dyn Sql, who: &Who, file_id: &str, use_: Use, now_ms: i64) -> Result<FileRow, Error> {
    let file = by_id(sql, file_id)?.filter(|file| !file.is_over(now_ms));
    file.filter(|file| may(who, file, use_)).ok_or_else(|| Refusal::not_found(file_id).into())
}

pub fn by_id(sql: &dyn Sql, file_id: &str) -> Result<Option<FileRow>, StorageError> {
    // Whatever is no id is looked up nowhere: a text may be too long for a statement.
    if file_id.len() > 64 {
        return Ok(None);
    }
    let statement = format!("SELECT {COLUMNS} FROM files f JOIN blobs b ON b.blob = f.blob WHERE f.file_id = ?");
    sql.query(&statement, params![file_id])?.first().map(FileRow::of).transpose()
}

/// Files that fit a condition over `f` and `b`, with what follows it.
pub fn select(sql: &dyn Sql, condition: &str, parameters: &[Value]) -> Result<Vec<FileRow>, StorageError> {
    let statement = format!("SELECT {COLUMNS} FROM files f JOIN blobs b ON b.blob = f.blob WHERE {condition}");
    sql.query(&statement, parameters)?.iter().map(FileRow::of).collect()
}

/// New, empty content.
pub fn new_blob(sql: &dyn Sql, place: Place, expected: Option<i64>, now_ms: i64) -> Result<i64, Error> {
    let rows = sql.query(
        "INSERT INTO blobs (sha256, bytes, expected, place, hash_state, touched_ms, multipart, parted)
         VALUES (NULL, 0, ?, ?, NULL, ?, NULL, 0) RETURNING blob",
        params![expected, place.name(), now_ms],
    )?;
    rows.first().ok_or(Error::Broken("a new blob has no number"))?.integer(0).map_err(Error::from)
}

/// The key of a chunk.
pub fn chunk_key(blob: i64, number: i64) -> i64 {
    blob.saturating_mul(CHUNKS_OF_BLOB).saturating_add(number.clamp(0, CHUNKS_OF_BLOB.saturating_sub(1)))
}

/// The number of the chunk that a byte of a blob is in.
pub fn chunk_of(byte: i64) -> i64 {
    byte.div_euclid(i64::try_from(CHUNK).unwrap_or(i64::MAX))
}

/// Where a chunk begins in its blob.
pub fn start_of(number: i64) -> i64 {
    number.saturating_mul(i64::try_from(CHUNK).unwrap_or(i64::MAX))
}

pub fn chunk(sql: &dyn Sql, blob: i64, number: i64) -> Result<Option<Vec<u8>>, StorageError> {
    let rows = sql.query("SELECT bytes FROM chunks WHERE chunk = ?", params![chunk_key(blob, number)])?;
    rows.first().map(|row| row.blob(0)).transpose()
}

pub fn drop_chunks(sql: &dyn Sql, blob: i64, at_most: i64) -> Result<usize, StorageError> {
    let dropped = sql.query(
        "DELETE FROM chunks WHERE chunk IN (SELECT chunk FROM chunks WHERE chunk >= ? AND chunk < ? LIMIT ?) RETURNING 1",
        params![chunk_key(blob, 0), chunk_key(blob.saturating_add(1), 0), at_most],
    )?;
    Ok(dropped.len())
}
