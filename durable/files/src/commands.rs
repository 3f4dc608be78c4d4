//! All that is no stream: making uploads, listing, deleting, keeping results.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kernel::ids::Entropy;
use kernel::params;
use kernel::storage::{Sql, StorageError, Value};
use sha2_resumable::{Digest, Sha256};

use crate::limits::{Limits, OPEN_MS};
use crate::refusal::{Error, Kind, Refusal};
use crate::rows::{self, FileRow, OPEN, Use, seconds};
use crate::wire::{Command, Create, Created, File, Keep, OnShelf, Place, Reply, Request, Shelf, Token, Who};
use crate::writing::{self, Ended, Sent, Writing};
use crate::{names, usage};

/// The most files that one page of a list has.
const MAX_PAGE: u32 = 500;
/// The longest result that becomes a file at once, in bytes.
const MAX_KEPT: usize = 1024 * 1024;
const RESULT: &str = "result";
const UPLOAD: &str = "upload";

/// A command's reply, and whether files have come or gone.
pub struct Performed {
    pub reply: Reply,
    /// Files that are there, or no longer.
    pub changed: Vec<String>,
}

impl From<Reply> for Performed {
    fn from(reply: Reply) -> Self {
        Self { reply, changed: Vec::new() }
    }
}

/// Performs a command. Content that has to go to R2 is left to the object: see `keep`.
///
/// # Errors
/// If the database fails; a refusal is a reply.
pub fn perform(
    sql: &dyn Sql,
    limits: &Limits,
    place: Place,
    request: Request,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<Performed, Error> {
    let performed = performed(sql, limits, place, request, now_ms, entropy);
    match performed {
        Err(Error::Refused(refusal)) => Ok(Reply::Refused(refusal).into()),
        performed => performed,
    }
}

fn performed(
    sql: &dyn Sql,
    limits: &Limits,
    place: Place,
    Request { who, command, .. }: Request,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<Performed, Error> {
    match command {
        Command::Create(create) => self::create(sql, limits, place, &who, create, now_ms, entropy),
        Command::List { after, limit } => list(sql, &who, after.as_deref(), limit, now_ms).map(Performed::from),
        Command::Get { file_id } => {
            let file = rows::find(sql, &who, &file_id, Use::Read, now_ms)?;
            if !file.is_stored {
                return Err(not_complete(&file));
            }
            Ok(Reply::File(file.shown()).into())
        }
        Command::Find { file_ids } => find(sql, &who, &file_ids, now_ms).map(Performed::from),
        Command::Read { file_id, at_most } => read(sql, &who, &file_id, at_most, now_ms).map(Performed::from),
        Command::Delete { file_id } => {
            rows::find(sql, &who, &file_id, Use::Change, now_ms)?;
            sql.query("DELETE FROM files WHERE file_id = ?", params![file_id.as_str()])?;
            Ok(Performed { reply: Reply::Done, changed: vec![file_id] })
        }
        Command::Pin { file_id, pinned } => {
            let file = rows::find(sql, &who, &file_id, Use::Change, now_ms)?;
            if !file.is_stored {
                return Err(not_complete(&file));
            }
            let expires_ms = now_ms.saturating_add(limits.kept_ms).max(file.expires_ms);
            sql.query(
                "UPDATE files SET pinned = ?, expires_ms = ? WHERE file_id = ?",
                params![pinned, expires_ms, file_id.as_str()],
            )?;
            let file = rows::find(sql, &who, &file_id, Use::Read, now_ms)?;
            Ok(Performed { reply: Reply::File(file.shown()), changed: vec![file_id] })
        }
        Command::Shelf { after, limit } => {
            shelf(sql, limits, place, (&who, after.as_deref(), limit), now_ms).map(Performed::from)
        }
        Command::Export => {
            let files = rows::select(sql, "f.state = 'stored' ORDER BY f.seq", &[])?;
            Ok(Reply::Files { files: files.iter().map(FileRow::shown).collect(), next: None }.into())
        }
        // Their content may be elsewhere: the object has them.
        Command::Keep(_) | Command::Erase => Err(Error::Broken("a command came to where it is not performed")),
    }
}

fn not_complete(file: &FileRow) -> Error {
    let message = format!("{} is an upload that is not complete yet: {} bytes have come", file.file_id, file.bytes);
    Refusal::new(Kind::NotFound, message).into()
}

/// Makes an upload. One that is to have no bytes waits for a request with none, as every other waits for its bytes.
fn create(
    sql: &dyn Sql,
    limits: &Limits,
    place: Place,
    who: &Who,
    create: Create,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<Performed, Error> {
    let sha256 = create.sha256.map(|sha256| sha256.to_ascii_lowercase());
    let invalid = |message: String| Err(Refusal::new(Kind::Invalid, message).into());
    if !names::is_name(&create.name) {
        return invalid(format!("name must be {}", names::EXPECTED));
    }
    if create.bytes.is_some_and(|bytes| bytes < 0) {
        return invalid("bytes must be a whole number of at least 0".to_owned());
    }
    if sha256.as_ref().is_some_and(|sha256| sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        return invalid("sha256 must be 64 hexadecimal digits".to_owned());
    }
    usage::one_more(sql, limits, true)?;
    usage::room(sql, limits, place, 0, create.bytes.unwrap_or(0))?;
    let file_id = new_id(entropy)?;
    let blob = rows::new_blob(sql, place, create.bytes, now_ms)?;
    let mime_type = names::type_of(&create.name, create.mime_type.as_deref());
    let expires_ms = now_ms.saturating_add(OPEN_MS);
    let grant_id = if let Who::Token(Token { grant_id, .. }) = who { grant_id.as_str() } else { "" };
    sql.query(
        "INSERT INTO files (file_id, name, mime_type, state, blob, declared_bytes, declared_sha256, grant_id, blender, job_id,
                            kind, created_ms, expires_ms, pinned)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        params![
            file_id.as_str(),
            create.name,
            mime_type,
            OPEN,
            blob,
            create.bytes,
            sha256,
            grant_id,
            create.origin.blender,
            create.origin.job_id,
            UPLOAD,
            now_ms,
            expires_ms
        ],
    )?;
    Ok(Reply::Created(Created { file_id, expires_at: seconds(expires_ms) }).into())
}

/// `f-` and 128 random bits in base64url.
fn new_id(entropy: &mut dyn Entropy) -> Result<String, Error> {
    let mut bytes = [0_u8; 16];
    entropy.fill(&mut bytes)?;
    Ok(format!("f-{}", URL_SAFE_NO_PAD.encode(bytes)))
}

fn list(sql: &dyn Sql, who: &Who, after: Option<&str>, limit: u32, now_ms: i64) -> Result<Reply, Error> {
    let (files, next) = page(sql, who, after, limit, now_ms)?;
    Ok(Reply::Files { files: files.iter().map(FileRow::shown).collect(), next })
}

fn shelf(
    sql: &dyn Sql,
    limits: &Limits,
    place: Place,
    (who, after, limit): (&Who, Option<&str>, u32),
    now_ms: i64,
) -> Result<Reply, Error> {
    let (files, next) = page(sql, who, after, limit, now_ms)?;
    Ok(on_shelf(limits, place, (&files, next), usage::used(sql)?))
}

fn on_shelf(
    limits: &Limits,
    place: Place,
    (files, next): (&[FileRow], Option<String>),
    (used_bytes, used_files): (i64, i64),
) -> Reply {
    let shown =
        |file: &FileRow| OnShelf { file: file.shown(), grant_id: file.grant_id.clone(), is_result: file.is_result };
    Reply::Shelf(Box::new(Shelf {
        files: files.iter().map(shown).collect(),
        next,
        used_bytes,
        used_files,
        most_bytes: limits.all_bytes,
        most_files: limits.files,
        most_of_file: limits.of_file(place),
        kept_ms: limits.kept_ms,
    }))
}

/// Files, the newest first, and where the next page begins.
fn page(
    sql: &dyn Sql,
    who: &Who,
    after: Option<&str>,
    limit: u32,
    now_ms: i64,
) -> Result<(Vec<FileRow>, Option<String>), Error> {
    let before = match after {
        None => kernel::storage::MAX_INTEGER,
        Some(after) => after
            .parse::<i64>()
            .ok()
            .filter(|seq| (0..=kernel::storage::MAX_INTEGER).contains(seq))
            .ok_or_else(|| Refusal::new(Kind::Invalid, "after must be the next of an earlier answer"))?,
    };
    let limit = limit.clamp(1, MAX_PAGE);
    let (seen, mut parameters) = rows::seen(who);
    let condition = format!(
        "{seen} AND f.state = 'stored' AND (f.pinned = 1 OR f.expires_ms > ?) AND f.seq < ? ORDER BY f.seq DESC LIMIT ?"
    );
    parameters.extend([Value::from(now_ms), Value::from(before), Value::from(i64::from(limit))]);
    let files = rows::select(sql, &condition, &parameters)?;
    let is_full = u32::try_from(files.len()).is_ok_and(|count| count == limit);
    let next = files.last().filter(|_| is_full).map(|file| file.seq.to_string());
    Ok((files, next))
}

fn find(sql: &dyn Sql, who: &Who, file_ids: &[String], now_ms: i64) -> Result<Reply, Error> {
    let mut files = Vec::new();
    for file_id in file_ids {
        match rows::find(sql, who, file_id, Use::Read, now_ms) {
            Ok(file) if file.is_stored => files.push(file.shown()),
            Ok(_) | Err(Error::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Reply::Files { files, next: None })
}

/// The bytes are none here where they are in R2: the object reads them.
fn read(sql: &dyn Sql, who: &Who, file_id: &str, at_most: i64, now_ms: i64) -> Result<Reply, Error> {
    let file = rows::find(sql, who, file_id, Use::Read, now_ms)?;
    if !file.is_stored {
        return Err(not_complete(&file));
    }
    if file.bytes > at_most || file.place == Place::R2 {
        return Ok(Reply::Read { file: file.shown(), base64: None });
    }
    let mut bytes = Vec::new();
    let count = rows::chunk_of(file.bytes.saturating_sub(1).max(0)).saturating_add(1);
    for number in 0..count {
        bytes.extend(rows::chunk(sql, file.blob, number)?.unwrap_or_default());
    }
    Ok(Reply::Read { file: file.shown(), base64: Some(STANDARD.encode(bytes)) })
}

/// The long result of a job: the file that it is already, or an upload with all its bytes, which ends as any other.
#[derive(Debug)]
pub enum Kept {
    Already(Box<File>),
    New(Box<Ended>, NewFile),
}

/// What `writing::stored` needs.
#[derive(Debug)]
pub struct NewFile {
    pub file_id: String,
    pub blob: i64,
}

/// # Errors
/// `Refusal` where there is no room.
pub fn keep(
    sql: &dyn Sql,
    limits: &Limits,
    place: Place,
    keep: &Keep,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<Kept, Error> {
    if let Some(file) = kept_already(sql, keep, now_ms)? {
        return Ok(Kept::Already(Box::new(file)));
    }
    if keep.text.len() > MAX_KEPT {
        return Err(Refusal::new(Kind::TooLarge, "a result that comes whole may have 1 MiB").into());
    }
    usage::one_more(sql, limits, false)?;
    let bytes = i64::try_from(keep.text.len()).unwrap_or(i64::MAX);
    usage::room(sql, limits, place, 0, bytes)?;
    let is_json =
        keep.text.starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(&keep.text).is_ok();
    let (extension, mime_type) = if is_json { ("json", "application/json") } else { ("txt", "text/plain") };
    let file_id = new_id(entropy)?;
    let blob = rows::new_blob(sql, place, Some(bytes), now_ms)?;
    sql.query(
        "INSERT INTO files (file_id, name, mime_type, state, blob, declared_bytes, declared_sha256, grant_id, blender, job_id,
                            kind, created_ms, expires_ms, pinned)
         VALUES (?, ?, ?, ?, ?, ?, NULL, '', ?, ?, ?, ?, ?, 0)",
        params![
            file_id.as_str(),
            format!("{}.{extension}", name_of_job(&keep.job_id)),
            mime_type,
            OPEN,
            blob,
            bytes,
            keep.blender.clone(),
            keep.job_id.as_str(),
            RESULT,
            now_ms,
            now_ms.saturating_add(OPEN_MS)
        ],
    )?;
    let whole = Sent::Whole { length: Some(bytes) };
    let mut writing = Writing::begin(sql, limits, place, (&Who::Owner, &file_id), whole, now_ms)?;
    writing.take(sql, limits, keep.text.as_bytes(), now_ms)?;
    let blob = writing.blob;
    let ended = writing.end(sql, limits, now_ms)?;
    Ok(Kept::New(Box::new(ended), NewFile { file_id, blob }))
}

/// A result could not be put where content is kept: nothing of it stays.
pub fn not_kept(sql: &dyn Sql, file_id: &str) -> Result<(), StorageError> {
    sql.query("DELETE FROM files WHERE file_id = ? AND state = ?", params![file_id, OPEN]).map(|_| ())
}

/// The file that this result of this job is, if it is one.
fn kept_already(sql: &dyn Sql, keep: &Keep, now_ms: i64) -> Result<Option<File>, StorageError> {
    let kept = rows::select(
        sql,
        "f.job_id = ? AND f.kind = 'result' AND f.state = 'stored' AND (f.pinned = 1 OR f.expires_ms > ?)
         ORDER BY f.seq DESC LIMIT 1",
        params![keep.job_id.as_str(), now_ms],
    )?;
    let sha256 = writing::hex(&Sha256::digest(keep.text.as_bytes()));
    Ok(kept.first().filter(|file| file.sha256.as_ref() == Some(&sha256)).map(FileRow::shown))
}

/// The id of a job is its maker's word.
fn name_of_job(job_id: &str) -> String {
    let plain: String = job_id
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'))
        .take(60)
        .collect();
    if plain.is_empty() { RESULT.to_owned() } else { format!("result-{plain}") }
}

/// Whether nothing was ever kept here.
pub fn is_fresh(sql: &dyn Sql) -> Result<bool, StorageError> {
    Ok(sql.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'files'", &[])?.is_empty())
}

/// The reply to a command that only looks, where there is nothing.
pub fn without_files(command: &Command, limits: &Limits, place: Place) -> Option<Reply> {
    match command {
        Command::Shelf { after: None, .. } => Some(on_shelf(limits, place, (&[], None), (0, 0))),
        Command::List { after: None, .. } | Command::Find { .. } | Command::Export => {
            Some(Reply::Files { files: Vec::new(), next: None })
        }
        Command::Get { file_id } | Command::Read { file_id, .. } | Command::Delete { file_id } => {
            Some(Reply::Refused(Refusal::not_found(file_id)))
        }
        Command::Erase => Some(Reply::Done),
        _ => None,
    }
}
