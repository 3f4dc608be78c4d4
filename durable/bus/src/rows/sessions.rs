//! Sessions of MCP revisions 2025-03-26 to 2025-11-25: rows, so that they survive restarts and deploys.

use kernel::{ids, params};

use crate::turn::Turn;
use crate::turn::effect::{Effect, close};
use crate::turn::error::Error;
use crate::turn::presence::Stream;

/// Sessions one user may have open.
pub const MAX_SESSIONS: i64 = 1_000;

/// Sessions one grant may have open: no client ends those of another.
pub const MAX_OF_GRANT: i64 = 100;

/// A session without a request for this long has ended.
pub const IDLE_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// `last_seen` is written at most this often.
const TOUCH_EVERY_MS: i64 = 60 * 60 * 1_000;

/// The level below which log messages are not sent until the client says otherwise.
const DEFAULT_LOG_LEVEL: &str = "warning";

#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    pub session_id: String,
    pub protocol_version: String,
    pub client_name: String,
}

/// Opens a session and returns its id. At a limit the one that was idle longest makes room, of the grant's own first.
pub fn open(turn: &mut Turn<'_>, grant_id: &str, protocol_version: &str, client_name: &str) -> Result<String, Error> {
    let session_id = ids::session_id(turn.entropy)?;
    let of_grant = turn.sql.query(
        "SELECT session_id FROM sessions WHERE grant_id = ? ORDER BY last_seen DESC, created_at DESC LIMIT -1 OFFSET ?",
        params![grant_id, MAX_OF_GRANT.saturating_sub(1)],
    )?;
    for row in &of_grant {
        close(turn, &row.text(0)?)?;
    }
    let too_many = turn.sql.query(
        "SELECT session_id FROM sessions ORDER BY last_seen DESC, created_at DESC LIMIT -1 OFFSET ?",
        params![MAX_SESSIONS.saturating_sub(1)],
    )?;
    for row in &too_many {
        close(turn, &row.text(0)?)?;
    }
    turn.sql.query(
        "INSERT INTO sessions (session_id, grant_id, protocol_version, client_name, log_level, created_at, last_seen)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
        params![session_id.as_str(), grant_id, protocol_version, client_name, DEFAULT_LOG_LEVEL, turn.now_ms],
    )?;
    Ok(session_id)
}

/// The grant's session, if it is open; its use is noted. To any other grant it is as if there were none.
pub fn find(turn: &mut Turn<'_>, session_id: &str, grant_id: &str) -> Result<Option<Session>, Error> {
    let rows = turn.sql.query(
        "SELECT protocol_version, client_name, last_seen FROM sessions WHERE session_id = ? AND grant_id = ?",
        params![session_id, grant_id],
    )?;
    let Some(row) = rows.first() else { return Ok(None) };
    let last_seen = row.integer(2)?;
    if turn.now_ms.saturating_sub(last_seen) >= IDLE_MS {
        close(turn, session_id)?;
        return Ok(None);
    }
    if turn.now_ms.saturating_sub(last_seen) >= TOUCH_EVERY_MS {
        let seen = params![turn.now_ms, session_id];
        turn.sql.query("UPDATE sessions SET last_seen = ? WHERE session_id = ?", seen)?;
    }
    Ok(Some(Session { session_id: session_id.to_owned(), protocol_version: row.text(0)?, client_name: row.text(1)? }))
}

/// Ends the session and its streams; the clients it registered stay without one. Says whether there was one.
pub fn close(turn: &mut Turn<'_>, session_id: &str) -> Result<bool, Error> {
    let gone = turn.sql.query("DELETE FROM sessions WHERE session_id = ? RETURNING 1", params![session_id])?;
    turn.sql.query("DELETE FROM subscriptions WHERE session_id = ?", params![session_id])?;
    end_of_session(turn, session_id);
    turn.sql.query("UPDATE clients SET session_id = NULL WHERE session_id = ?", params![session_id])?;
    Ok(!gone.is_empty())
}

/// Where a session's events stand: the last one sent, and the lowest level of log messages it wants.
pub fn place(turn: &Turn<'_>, session_id: &str) -> Result<(i64, String), Error> {
    let rows = turn.sql.query("SELECT sent_seq, log_level FROM sessions WHERE session_id = ?", params![session_id])?;
    match rows.first() {
        Some(row) => Ok((row.integer(0)?, row.text(1)?)),
        None => Ok((0, DEFAULT_LOG_LEVEL.to_owned())),
    }
}

/// Notes how far a session's events were sent, for a stream that comes after this one.
pub fn note_sent(turn: &mut Turn<'_>, session_id: &str, sent_seq: i64) -> Result<(), Error> {
    turn.sql.query(
        "UPDATE sessions SET sent_seq = ?1 WHERE session_id = ?2 AND sent_seq < ?1",
        params![sent_seq, session_id],
    )?;
    Ok(())
}

pub fn set_log_level(turn: &mut Turn<'_>, session_id: &str, level: &str) -> Result<(), Error> {
    turn.sql.query("UPDATE sessions SET log_level = ? WHERE session_id = ?", params![level, session_id])?;
    Ok(())
}

/// Ends every session of a revoked grant.
pub fn close_of_grant(turn: &mut Turn<'_>, grant_id: &str) -> Result<(), Error> {
    let of_grant = turn.sql.query("SELECT session_id FROM sessions WHERE grant_id = ?", params![grant_id])?;
    for row in &of_grant {
        close(turn, &row.text(0)?)?;
    }
    Ok(())
}

/// Ends sessions that have been idle for `IDLE_MS`.
pub fn forget_idle(turn: &mut Turn<'_>) -> Result<(), Error> {
    let idle = turn
        .sql
        .query("SELECT session_id FROM sessions WHERE last_seen < ?", params![turn.now_ms.saturating_sub(IDLE_MS)])?;
    for row in &idle {
        close(turn, &row.text(0)?)?;
    }
    Ok(())
}

/// The session has ended, and its streams with it.
pub fn end_of_session(turn: &mut Turn<'_>, session_id: &str) {
    let of_session = |stream: &&Stream| stream.session_id == session_id;
    let socket_ids: Vec<String> =
        turn.presence.streams().iter().filter(of_session).map(|stream| stream.socket_id.clone()).collect();
    for socket_id in socket_ids {
        turn.effects.push(Effect::Close { socket_id, code: close::NORMAL, reason: "the session has ended" });
    }
}
