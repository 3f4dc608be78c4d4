//! Records that are kept for a client, and events that are kept for a session.

use kernel::params;
use kernel::storage::{MAX_INTEGER, Row, Value as Parameter};
use serde_json::Value;

use crate::rows::timers;
use crate::turn::Turn;
use crate::turn::cache::Kept;
use crate::turn::change::Change;
use crate::turn::effect::Effect;
use crate::turn::error::{Error, Rejection};

/// Records kept for one client; the oldest go first, here as with the bytes.
pub const MAX_KEPT: i64 = 1_000;

/// Bytes of records kept for one client.
pub const MAX_KEPT_BYTES: i64 = 8 * 1024 * 1024;

/// Bytes of records that one page shows: an answer holds them twice, and common clients take events of 1 MiB.
const MAX_PAGE_BYTES: i64 = 400 * 1024;

/// How long a record is kept for a client that does not fetch it.
pub const KEPT_MS: i64 = 24 * 60 * 60 * 1_000;

/// Keeps a record for a client and returns its place. At the limits the oldest go.
pub fn keep(turn: &mut Turn<'_>, client_uuid: &str, notification: &Value) -> Result<i64, Error> {
    let text = notification.to_string();
    let bytes = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let before = kept(turn, client_uuid)?;
    let rows = turn.sql.query(
        "INSERT INTO inbox (client_uuid, message, bytes, created_at) VALUES (?, ?, ?, ?) RETURNING seq",
        params![client_uuid, text, bytes, turn.now_ms],
    )?;
    let seq = rows.first().map_or(Ok(0), |row| row.integer(0))?;
    let after = Kept { count: before.count.saturating_add(1), bytes: before.bytes.saturating_add(bytes) };
    turn.presence.cache.note_kept(client_uuid, after);
    turn.effects.push(Effect::News { subject: client_uuid.to_owned() });
    turn.changes.insert(Change::Inbox { client_uuid: client_uuid.to_owned() });
    make_room(turn, client_uuid)?;
    timers::ensure_retention(turn)?;
    Ok(seq)
}

/// What is kept for a client.
pub fn kept(turn: &mut Turn<'_>, client_uuid: &str) -> Result<Kept, Error> {
    if let Some(kept) = turn.presence.cache.kept(client_uuid) {
        return Ok(kept);
    }
    let statement = "SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM inbox WHERE client_uuid = ?";
    let rows = turn.sql.query(statement, params![client_uuid])?;
    let number = |column| rows.first().map_or(Ok(0), |row| row.integer(column));
    let kept = Kept { count: number(0)?, bytes: number(1)? };
    turn.presence.cache.note_kept(client_uuid, kept);
    Ok(kept)
}

/// Drops the oldest records of a client until it has no more than it may.
fn make_room(turn: &mut Turn<'_>, client_uuid: &str) -> Result<(), Error> {
    let mut dropped: i64 = 0;
    loop {
        let left = kept(turn, client_uuid)?;
        if left.count <= MAX_KEPT && left.bytes <= MAX_KEPT_BYTES {
            break;
        }
        let oldest = "seq = (SELECT seq FROM inbox WHERE client_uuid = ?1 ORDER BY seq LIMIT 1)";
        if forget_which(turn, client_uuid, oldest, &[])? == 0 {
            break;
        }
        dropped = dropped.saturating_add(1);
    }
    // A connected client has been sent the dropped records.
    if dropped > 0 && turn.presence.get(client_uuid).is_none() {
        turn.sql.query("UPDATE clients SET dropped = dropped + ? WHERE uuid = ?", params![dropped, client_uuid])?;
    }
    Ok(())
}

/// A client has received its records up to this place.
pub fn received(turn: &mut Turn<'_>, client_uuid: &str, place: i64) -> Result<(), Error> {
    forget_which(turn, client_uuid, "client_uuid = ?1 AND seq <= ?2", &[Parameter::from(place)]).map(|_| ())
}

/// Forgets all that is kept for a client.
pub fn forget(turn: &mut Turn<'_>, client_uuid: &str) -> Result<(), Error> {
    forget_which(turn, client_uuid, "client_uuid = ?1", &[]).map(|_| ())
}

/// Forgets what was kept for a client before this time. Unix milliseconds.
pub fn forget_older(turn: &mut Turn<'_>, client_uuid: &str, before_ms: i64) -> Result<(), Error> {
    let which = "client_uuid = ?1 AND created_at < ?2";
    forget_which(turn, client_uuid, which, &[Parameter::from(before_ms)]).map(|_| ())
}

/// Deletes records of the client that is the first parameter. Says how many there were.
fn forget_which(turn: &mut Turn<'_>, client_uuid: &str, which: &str, more: &[Parameter]) -> Result<usize, Error> {
    let before = kept(turn, client_uuid)?;
    if before.count == 0 {
        return Ok(0);
    }
    let parameters: Vec<Parameter> =
        core::iter::once(Parameter::from(client_uuid)).chain(more.iter().cloned()).collect();
    let gone = turn.sql.query(&format!("DELETE FROM inbox WHERE {which} RETURNING bytes"), &parameters)?;
    let mut left = before;
    for row in &gone {
        left.count = left.count.saturating_sub(1);
        left.bytes = left.bytes.saturating_sub(row.integer(0)?);
    }
    turn.presence.cache.note_kept(client_uuid, left);
    Ok(gone.len())
}

/// A kept notification.
pub fn message(row: &Row, column: usize) -> Result<Value, Error> {
    serde_json::from_str(&row.text(column)?).map_err(|source| Error::Stored { what: "message", source })
}

/// A page of a client's inbox.
#[derive(Debug, PartialEq)]
pub struct Page {
    /// Records, as `data` of their notifications.
    pub messages: Vec<Value>,
    /// Where the next page begins: give it as `after`.
    pub next: Option<String>,
    /// Records that had to go since the last page because there were too many.
    pub dropped: i64,
}

/// Reads the records after a place, oldest first. If the reader owns the inbox (`is_own`), those up to the place count as
/// received and are deleted.
///
/// # Errors
/// `Rejection::NoClient` for a uuid that is not registered, `Rejection::Cursor` for a malformed place.
pub fn read(
    turn: &mut Turn<'_>,
    client_uuid: &str,
    after: Option<&str>,
    limit: u32,
    is_own: bool,
) -> Result<Page, Error> {
    let place = after.map_or(Ok(0), place)?;
    let clients = turn.sql.query("SELECT dropped FROM clients WHERE uuid = ?", params![client_uuid])?;
    let Some(client) = clients.first() else {
        return Err(Rejection::NoClient { uuid: client_uuid.to_owned() }.into());
    };
    let dropped = client.integer(0)?;
    if place > 0 && is_own {
        received(turn, client_uuid, place)?;
    }
    let most = "SELECT seq, bytes FROM inbox WHERE client_uuid = ? AND seq > ? ORDER BY seq LIMIT ?";
    let sizes = turn.sql.query(most, params![client_uuid, place, i64::from(limit)])?;
    let last = end_of_page(&sizes, MAX_PAGE_BYTES)?.unwrap_or(place);
    let rows = turn.sql.query(
        "SELECT message, seq FROM inbox WHERE client_uuid = ? AND seq > ? AND seq <= ? ORDER BY seq",
        params![client_uuid, place, last],
    )?;
    if dropped > 0 && !rows.is_empty() && is_own {
        turn.sql.query("UPDATE clients SET dropped = 0 WHERE uuid = ?", params![client_uuid])?;
    }
    let next = match rows.last() {
        Some(row) => Some(row.integer(1)?.to_string()),
        None => after.map(str::to_owned),
    };
    let mut messages = Vec::new();
    for row in &rows {
        messages.extend(message(row, 0)?.pointer_mut("/params/data").map(Value::take));
    }
    Ok(Page { messages, next, dropped })
}

/// The place of the last record of a page that takes no more than so many bytes, but has one record if there is any. The rows
/// are places and sizes.
pub fn end_of_page(sizes: &[Row], most_bytes: i64) -> Result<Option<i64>, Error> {
    let (mut last, mut total) = (None, 0_i64);
    for row in sizes {
        total = total.saturating_add(row.integer(1)?);
        if last.is_some() && total > most_bytes {
            break;
        }
        last = Some(row.integer(0)?);
    }
    Ok(last)
}

/// A place in the inbox as a client names it.
fn place(text: &str) -> Result<i64, Rejection> {
    let known = text.parse().ok().filter(|place| (0..=MAX_INTEGER).contains(place));
    known.ok_or_else(|| Rejection::Cursor { after: text.to_owned() })
}

/// Drops records that have waited for `KEPT_MS`.
pub fn forget_old(turn: &mut Turn<'_>) -> Result<(), Error> {
    turn.sql.query("DELETE FROM inbox WHERE created_at < ?", params![turn.now_ms.saturating_sub(KEPT_MS)])?;
    turn.presence.cache.forget_kept();
    Ok(())
}
