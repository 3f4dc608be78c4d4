//! Sessions of signed-in browsers: a secret in a cookie, known here by its hash, so that signing out really ends it.

use kernel::ids::{Entropy, EntropyError};
use kernel::params;
use kernel::secrets::{hash, new_secret};
use kernel::storage::{Sql, StorageError};
use thiserror::Error;

pub const LIFETIME_MS: i64 = 24 * 3_600_000;
/// How long a sign-in counts as recent.
const FRESH_MS: i64 = 600_000;
const MAX_SESSIONS: i64 = 50;

#[derive(Debug, Error)]
pub enum SessionError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// Starts a session; returns its secret. The oldest one goes where there are too many.
pub fn start(sql: &dyn Sql, now_ms: i64, entropy: &mut dyn Entropy) -> Result<String, SessionError> {
    let secret = new_secret(entropy)?;
    sql.query("DELETE FROM browser_sessions WHERE expires_ms <= ?", params![now_ms])?;
    sql.query(
        "DELETE FROM browser_sessions WHERE hash IN
         (SELECT hash FROM browser_sessions ORDER BY created_ms DESC LIMIT -1 OFFSET ?)",
        params![MAX_SESSIONS.saturating_sub(1)],
    )?;
    sql.query(
        "INSERT INTO browser_sessions (hash, created_ms, expires_ms) VALUES (?, ?, ?)",
        params![hash(&secret), now_ms, now_ms.saturating_add(LIFETIME_MS)],
    )?;
    Ok(secret)
}

pub fn is_live(sql: &dyn Sql, secret: &str, now_ms: i64) -> Result<bool, StorageError> {
    let rows =
        sql.query("SELECT 1 FROM browser_sessions WHERE hash = ? AND expires_ms > ?", params![hash(secret), now_ms])?;
    Ok(!rows.is_empty())
}

/// Whether the session began within `FRESH_MS`.
pub fn is_fresh(sql: &dyn Sql, secret: &str, now_ms: i64) -> Result<bool, StorageError> {
    let since_ms = now_ms.saturating_sub(FRESH_MS);
    let rows = sql
        .query("SELECT 1 FROM browser_sessions WHERE hash = ? AND created_ms >= ?", params![hash(secret), since_ms])?;
    Ok(!rows.is_empty())
}

/// Ends every session.
pub fn end_all(sql: &dyn Sql) -> Result<(), StorageError> {
    sql.query("DELETE FROM browser_sessions", &[]).map(|_| ())
}

pub fn end(sql: &dyn Sql, secret: &str) -> Result<(), StorageError> {
    sql.query("DELETE FROM browser_sessions WHERE hash = ?", params![hash(secret)]).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::{LIFETIME_MS, MAX_SESSIONS, end, is_live, start};
    use crate::schema::ACCOUNT;
    use kernel::migrate::migrate;
    use kernel::testing::Counter;
    use kernel::testing::Memory;

    #[test]
    fn a_session_ends_by_time_or_by_signing_out() {
        let (sql, mut entropy) = (Memory::new(), Counter::default());
        migrate(&sql, ACCOUNT).unwrap();
        let (first, second) = (start(&sql, 0, &mut entropy).unwrap(), start(&sql, 0, &mut entropy).unwrap());
        end(&sql, &first).unwrap();
        assert!(!is_live(&sql, &first, 1).unwrap());
        assert!(is_live(&sql, &second, LIFETIME_MS - 1).unwrap());
        assert!(!is_live(&sql, &second, LIFETIME_MS).unwrap());
    }

    #[test]
    fn the_oldest_session_goes_where_there_are_too_many() {
        let (sql, mut entropy) = (Memory::new(), Counter::default());
        migrate(&sql, ACCOUNT).unwrap();
        let secrets: Vec<_> = (0..=MAX_SESSIONS).map(|now| start(&sql, now, &mut entropy).unwrap()).collect();
        assert!(!is_live(&sql, &secrets[0], 100).unwrap());
        assert!(is_live(&sql, &secrets[1], 100).unwrap());
    }
}
