//! An upload while its bytes come.
//!
//! Bytes are put together to chunks of 1 MiB. A chunk, how far the upload is and the state of the hash are written together, so
//! an upload that is broken off at any moment goes on where its last chunk ends, whatever was in memory. Only one request at a
//! time writes an upload; the object sees to that.

use kernel::params;
use kernel::storage::{Sql, StorageError};
use sha2_resumable::digest::common::hazmat::{SerializableState, SerializedState};
use sha2_resumable::{Digest, Sha256};

use crate::limits::Limits;
use crate::refusal::{Error, Kind, Refusal};
use crate::rows::{self, CHUNK, CHUNKS_OF_BLOB, FileRow, STORED, Use};
use crate::usage;
use crate::wire::{File, Place, Who};

/// Bytes of a part in R2, but for the last; all have to be of one size there, and of 5 MiB at least.
pub const PART: i64 = 8 * 1024 * 1024;

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// All of it, of this length where that was announced. What was there before is dropped.
    Whole { length: Option<i64> },
    /// What follows after `offset`.
    More { offset: i64, length: Option<i64> },
}

/// An upload that is being written.
#[derive(Debug)]
pub struct Writing {
    pub file_id: String,
    pub blob: i64,
    pub place: Place,
    /// How many bytes it is to have; none where nobody has said.
    expected: Option<i64>,
    sha256: Option<String>,
    /// Where the chunk in memory begins.
    start: i64,
    /// The bytes since then, and how many of them are in the hash and in the table.
    tail: Vec<u8>,
    kept: usize,
    hasher: Sha256,
    /// Bytes that are in parts in R2.
    pub parted: i64,
    /// The client has sent all of it, not a part.
    is_whole: bool,
}

/// What an upload is once its request has ended.
#[derive(Debug, PartialEq)]
pub enum Ended {
    /// More is to come.
    Open {
        offset: i64,
    },
    Stored(Box<File>),
    /// All bytes are there and right: they have to be put together in R2, then `stored` says so.
    Complete {
        sha256: String,
    },
}

impl Writing {
    /// Begins to write an upload.
    ///
    /// # Errors
    /// `Refusal` if there is no such upload, it does not go on at that place, or there is no room.
    pub fn begin(
        sql: &dyn Sql,
        limits: &Limits,
        place: Place,
        (who, file_id): (&Who, &str),
        sent: Sent,
        now_ms: i64,
    ) -> Result<Self, Error> {
        let file = rows::find(sql, who, file_id, Use::Change, now_ms)?;
        if file.is_stored {
            let message = "this upload is complete, and a stored file does not change: make another upload";
            return Err(Refusal::new(Kind::Conflict, message).into());
        }
        match sent {
            Sent::Whole { length } => Self::whole(sql, limits, place, file, length, now_ms),
            Sent::More { offset, length } => Self::more(sql, limits, file, offset, length),
        }
    }

    fn whole(
        sql: &dyn Sql,
        limits: &Limits,
        place: Place,
        file: FileRow,
        length: Option<i64>,
        now_ms: i64,
    ) -> Result<Self, Error> {
        if let (Some(declared), Some(length)) = (file.declared_bytes, length)
            && declared != length
        {
            return Err(wrong_length(declared, length));
        }
        let expected = file.declared_bytes.or(length);
        usage::room(sql, limits, place, file.blob, expected.unwrap_or(0))?;
        let blob = if file.bytes == 0 && file.place == place {
            sql.query(
                "UPDATE blobs SET expected = ?, touched_ms = ? WHERE blob = ?",
                params![expected, now_ms, file.blob],
            )?;
            file.blob
        } else {
            replace(sql, &file, place, expected, now_ms)?
        };
        Ok(Self {
            file_id: file.file_id,
            blob,
            place,
            expected,
            sha256: file.declared_sha256,
            start: 0,
            tail: Vec::new(),
            kept: 0,
            hasher: Sha256::new(),
            parted: 0,
            is_whole: true,
        })
    }

    fn more(sql: &dyn Sql, limits: &Limits, file: FileRow, offset: i64, length: Option<i64>) -> Result<Self, Error> {
        if offset != file.bytes {
            let message = format!("the upload has {} bytes, and Upload-Offset says {offset}", file.bytes);
            return Err(Refusal::new(Kind::Conflict, message).into());
        }
        let Some(expected) = file.declared_bytes.or(file.expected) else {
            let message = "an upload that comes in parts has to say how many bytes it will have: make it with bytes, or \
                           with Upload-Length";
            return Err(Refusal::new(Kind::Invalid, message).into());
        };
        let most = expected.saturating_sub(offset);
        if length.is_some_and(|length| length > most) {
            return Err(wrong_length(expected, offset.saturating_add(length.unwrap_or_default())));
        }
        usage::room(sql, limits, file.place, file.blob, expected)?;
        let found = sql.query("SELECT hash_state, parted FROM blobs WHERE blob = ?", params![file.blob])?;
        let row = found.first().ok_or(Error::Broken("an upload has no blob"))?;
        let hasher = if offset == 0 { Sha256::new() } else { revived(&row.blob(0)?)? };
        let number = rows::chunk_of(offset);
        let start = rows::start_of(number);
        let tail = if start == offset { Vec::new() } else { rows::chunk(sql, file.blob, number)?.unwrap_or_default() };
        if i64::try_from(tail.len()) != Ok(offset.saturating_sub(start)) {
            return Err(Error::Broken("the last chunk of an upload has another length"));
        }
        Ok(Self {
            file_id: file.file_id,
            blob: file.blob,
            place: file.place,
            expected: Some(expected),
            sha256: file.declared_sha256,
            start,
            kept: tail.len(),
            tail,
            hasher,
            parted: row.integer(1)?,
            is_whole: false,
        })
    }

    /// How many bytes have come.
    pub fn offset(&self) -> i64 {
        self.start.saturating_add(i64::try_from(self.tail.len()).unwrap_or(i64::MAX))
    }

    /// How many bytes the chunk in memory still takes.
    pub fn room(&self) -> usize {
        CHUNK.saturating_sub(self.tail.len())
    }

    /// Takes bytes, `room` at most. Says whether a part for R2 is full.
    ///
    /// # Errors
    /// `Refusal` where they are more than the upload is to have, or than there is room for, or it is gone meanwhile.
    pub fn take(&mut self, sql: &dyn Sql, limits: &Limits, bytes: &[u8], now_ms: i64) -> Result<bool, Error> {
        let coming = self.offset().saturating_add(i64::try_from(bytes.len()).unwrap_or(i64::MAX));
        if let Some(expected) = self.expected.filter(|expected| coming > *expected) {
            return Err(self.emptied(sql, wrong_length(expected, coming), now_ms));
        }
        if self.tail.capacity() < CHUNK {
            self.tail.reserve_exact(CHUNK.saturating_sub(self.tail.len()));
        }
        self.tail.extend_from_slice(bytes);
        if self.tail.len() < CHUNK {
            return Ok(false);
        }
        if self.expected.is_none()
            && let Err(refused) = usage::room(sql, limits, self.place, self.blob, coming)
        {
            return Err(self.emptied(sql, refused, now_ms));
        }
        self.store(sql, now_ms)?;
        self.start = self.offset();
        self.tail.clear();
        self.kept = 0;
        Ok(self.place == Place::R2 && self.start.saturating_sub(self.parted) >= PART)
    }

    /// Writes the chunk in memory, as far as it is.
    ///
    /// # Errors
    /// `Kind::Gone` if the upload was deleted or begun anew meanwhile.
    pub fn store(&mut self, sql: &dyn Sql, now_ms: i64) -> Result<(), Error> {
        let there = sql.query(
            "SELECT 1 FROM files WHERE file_id = ? AND blob = ? AND state = 'open'",
            params![self.file_id.as_str(), self.blob],
        )?;
        if there.is_empty() {
            return Err(Refusal::gone().into());
        }
        let Some(new) = self.tail.get(self.kept..).filter(|new| !new.is_empty()) else { return Ok(()) };
        self.hasher.update(new);
        self.kept = self.tail.len();
        let key = rows::chunk_key(self.blob, rows::chunk_of(self.start));
        sql.query(
            "INSERT INTO chunks (chunk, bytes) VALUES (?, ?) ON CONFLICT DO UPDATE SET bytes = excluded.bytes",
            params![key, self.tail.clone()],
        )?;
        sql.query(
            "UPDATE blobs SET bytes = ?, hash_state = ?, touched_ms = ? WHERE blob = ?",
            params![self.offset(), self.hasher.serialize().to_vec(), now_ms, self.blob],
        )?;
        Ok(())
    }

    /// The request has ended, by itself or not: what has come is kept, so that the client can go on from there.
    ///
    /// # Errors
    /// As `store`.
    pub fn pause(&mut self, sql: &dyn Sql, now_ms: i64) -> Result<(), Error> {
        self.store(sql, now_ms)
    }

    /// All bytes of the request have come.
    ///
    /// # Errors
    /// `Refusal` for a wrong length or hash; the upload is empty then, and stays open.
    pub fn end(mut self, sql: &dyn Sql, limits: &Limits, now_ms: i64) -> Result<Ended, Error> {
        if self.expected.is_none()
            && let Err(refused) = usage::room(sql, limits, self.place, self.blob, self.offset())
        {
            return Err(self.emptied(sql, refused, now_ms));
        }
        self.store(sql, now_ms)?;
        if let Some(expected) = self.expected.filter(|expected| self.offset() < *expected) {
            if !self.is_whole {
                return Ok(Ended::Open { offset: self.offset() });
            }
            let refused = wrong_length(expected, self.offset());
            return Err(self.emptied(sql, refused, now_ms));
        }
        let sha256 = hex(&self.hasher.clone().finalize());
        if let Some(declared) = self.sha256.as_ref().filter(|declared| **declared != sha256) {
            let message =
                format!("sha256 must be {declared}, as was said, and the bytes have {sha256}: nothing was kept");
            return Err(self.emptied(sql, Refusal::new(Kind::WrongHash, message).into(), now_ms));
        }
        if self.place == Place::R2 && twin(sql, &sha256, self.blob)?.is_none() {
            return Ok(Ended::Complete { sha256 });
        }
        stored(sql, limits, &self.file_id, self.blob, &sha256, now_ms).map(|file| Ended::Stored(Box::new(file)))
    }

    /// Drops what has come and leaves the upload open and empty. Returns the error that led to it.
    fn emptied(&self, sql: &dyn Sql, error: Error, now_ms: i64) -> Error {
        let begun_anew = match rows::by_id(sql, &self.file_id) {
            Ok(Some(file)) if file.blob == self.blob && !file.is_stored => {
                replace(sql, &file, file.place, file.declared_bytes, now_ms).map(|_| ())
            }
            Ok(_) => Ok(()),
            Err(failed) => Err(failed.into()),
        };
        begun_anew.map_or_else(|failed| failed, |()| error)
    }
}

/// The content is whole and, where it is in R2, in its place there: the file is one from now on.
///
/// # Errors
/// `Kind::Gone` if the upload was deleted or begun anew meanwhile.
pub fn stored(
    sql: &dyn Sql,
    limits: &Limits,
    file_id: &str,
    blob: i64,
    sha256: &str,
    now_ms: i64,
) -> Result<File, Error> {
    let open = rows::by_id(sql, file_id)?.filter(|file| file.blob == blob && !file.is_stored);
    let file = open.ok_or_else(Refusal::gone)?;
    let kept = match twin(sql, sha256, blob)? {
        Some(twin) => twin,
        None => {
            // Content that nobody has any more may not be whole any more either: it is no twin, and gives the hash away.
            sql.query("UPDATE blobs SET sha256 = NULL WHERE sha256 = ?", params![sha256])?;
            sql.query(
                "UPDATE blobs SET sha256 = ?, expected = NULL, hash_state = NULL, multipart = NULL WHERE blob = ?",
                params![sha256, blob],
            )?;
            sql.query("DELETE FROM parts WHERE blob = ?", params![blob])?;
            if file.place == Place::R2 {
                // It is there as a whole: what waited here is not needed any more.
                rows::drop_chunks(sql, blob, CHUNKS_OF_BLOB)?;
            }
            blob
        }
    };
    sql.query(
        "UPDATE files SET state = ?, blob = ?, expires_ms = ? WHERE file_id = ?",
        params![STORED, kept, now_ms.saturating_add(limits.kept_ms), file_id],
    )?;
    let file = rows::by_id(sql, file_id)?.ok_or(Error::Broken("a stored file is not there"))?;
    Ok(file.shown())
}

/// Whether no file or upload has this content any more. Also where that cannot be told: the rows are gone then.
pub fn is_nobodys(sql: &dyn Sql, blob: i64) -> bool {
    sql.query("SELECT 1 FROM files WHERE blob = ? LIMIT 1", params![blob]).map_or(true, |rows| rows.is_empty())
}

/// Other content that is the same, and is some file's.
fn twin(sql: &dyn Sql, sha256: &str, blob: i64) -> Result<Option<i64>, StorageError> {
    let rows = sql.query(
        "SELECT blob FROM blobs WHERE sha256 = ? AND blob <> ?
         AND EXISTS (SELECT 1 FROM files f WHERE f.blob = blobs.blob)",
        params![sha256, blob],
    )?;
    rows.first().map(|row| row.integer(0)).transpose()
}

/// Gives an upload new, empty content. The old is nobody's then, and is cleaned away.
fn replace(sql: &dyn Sql, file: &FileRow, place: Place, expected: Option<i64>, now_ms: i64) -> Result<i64, Error> {
    let blob = rows::new_blob(sql, place, expected, now_ms)?;
    sql.query("UPDATE files SET blob = ? WHERE file_id = ?", params![blob, file.file_id.as_str()])?;
    Ok(blob)
}

fn wrong_length(expected: i64, came: i64) -> Error {
    let message =
        format!("the upload is to have {expected} bytes, and {came} came or were announced: nothing was kept");
    Refusal::new(Kind::WrongLength, message).into()
}

fn revived(state: &[u8]) -> Result<Sha256, Error> {
    let state = SerializedState::<Sha256>::try_from(state).map_err(|_| Error::Broken("a hash has another length"))?;
    Sha256::deserialize(&state).map_err(|_| Error::Broken("a hash cannot be read"))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
