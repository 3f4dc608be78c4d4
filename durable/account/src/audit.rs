//! The audit log of an account: what touched its rights, for the owner's eyes. No secrets are written here.
//!
//! Rows go after 90 days, and the oldest ones where there are too many. What repeats within an hour, such as failed
//! sign-ins from one network, is one row with a count, so that a stranger cannot push out what matters.

use kernel::params;
use kernel::storage::{Row, Sql, StorageError};
use serde::{Deserialize, Serialize};

pub const KEPT_MS: i64 = 90 * 86_400_000;
const MERGED_MS: i64 = 3_600_000;
pub const MAX_ROWS: i64 = 2_000;
/// The most rows about events that a stranger can cause.
const MAX_FAILED: i64 = 500;
const MAX_CHARACTERS: usize = 200;
const FAILED_SIGN_IN: &str = "sign-in failed";

/// What happened. `client`: its name, empty if there was none. `address`: the network it came from, in short form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub what: String,
    #[serde(default)]
    pub client: String,
    #[serde(default)]
    pub detail: String,
    #[serde(default)]
    pub address: String,
}

/// An event as the owner sees it. `times`: how often it happened up to `at_ms`, within the hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub at_ms: i64,
    pub what: String,
    pub client: String,
    pub detail: String,
    pub address: String,
    pub times: i64,
}

impl Event {
    pub fn of(what: &str, client: &str) -> Self {
        Self { what: what.to_owned(), client: client.to_owned(), ..Self::default() }
    }

    pub fn failed_sign_in(address: &str) -> Self {
        Self { what: FAILED_SIGN_IN.to_owned(), address: address.to_owned(), ..Self::default() }
    }

    #[must_use]
    pub fn from(self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self }
    }

    #[must_use]
    pub fn about(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }
}

/// Writes a row, or counts one up.
pub fn note(sql: &dyn Sql, event: &Event, now_ms: i64) -> Result<(), StorageError> {
    let [what, client, detail, address] =
        [&event.what, &event.client, &event.detail, &event.address].map(|text| cut(text));
    let counted = sql.query(
        "UPDATE audit SET times = times + 1, at_ms = ?5 WHERE seq = (SELECT max(seq) FROM audit WHERE what = ?1
         AND client = ?2 AND detail = ?3 AND address = ?4 AND at_ms > ?6) RETURNING seq",
        params![
            what.as_str(),
            client.as_str(),
            detail.as_str(),
            address.as_str(),
            now_ms,
            now_ms.saturating_sub(MERGED_MS)
        ],
    )?;
    if !counted.is_empty() {
        return Ok(());
    }
    sql.query(
        "INSERT INTO audit (at_ms, what, client, detail, address, times) VALUES (?, ?, ?, ?, ?, 1)",
        params![now_ms, what, client, detail, address],
    )?;
    prune(sql, now_ms)
}

fn prune(sql: &dyn Sql, now_ms: i64) -> Result<(), StorageError> {
    sql.query("DELETE FROM audit WHERE at_ms <= ?", params![now_ms.saturating_sub(KEPT_MS)])?;
    sql.query(
        "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE what = ? ORDER BY seq DESC LIMIT -1 OFFSET ?)",
        params![FAILED_SIGN_IN, MAX_FAILED],
    )?;
    sql.query(
        "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit ORDER BY seq DESC LIMIT -1 OFFSET ?)",
        params![MAX_ROWS],
    )
    .map(|_| ())
}

/// The rows, newest first.
pub fn list(sql: &dyn Sql, now_ms: i64) -> Result<Vec<Entry>, StorageError> {
    let rows = sql.query(
        "SELECT at_ms, what, client, detail, address, times FROM audit WHERE at_ms > ? ORDER BY at_ms DESC, seq DESC",
        params![now_ms.saturating_sub(KEPT_MS)],
    )?;
    rows.iter().map(entry).collect()
}

fn entry(row: &Row) -> Result<Entry, StorageError> {
    Ok(Entry {
        at_ms: row.integer(0)?,
        what: row.text(1)?,
        client: row.text(2)?,
        detail: row.text(3)?,
        address: row.text(4)?,
        times: row.integer(5)?,
    })
}

fn cut(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(MAX_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::{Event, KEPT_MS, MAX_FAILED, MAX_ROWS, MERGED_MS, list, note};
    use crate::schema::ACCOUNT;
    use kernel::migrate::migrate;
    use kernel::testing::Memory;

    fn account() -> Memory {
        let sql = Memory::new();
        migrate(&sql, ACCOUNT).unwrap();
        sql
    }

    #[test]
    fn what_repeats_within_the_hour_is_one_row() {
        let sql = account();
        for now_ms in [1, 2, MERGED_MS] {
            note(&sql, &Event::failed_sign_in("192.0.2.0/24"), now_ms).unwrap();
        }
        note(&sql, &Event::failed_sign_in("198.51.100.0/24"), 3).unwrap();
        let found: Vec<_> = list(&sql, 4).unwrap().into_iter().map(|entry| (entry.address, entry.times)).collect();
        assert_eq!(found, [("192.0.2.0/24".to_owned(), 3), ("198.51.100.0/24".to_owned(), 1)]);
        note(&sql, &Event::failed_sign_in("192.0.2.0/24"), 3 * MERGED_MS).unwrap();
        assert_eq!(list(&sql, 4).unwrap().len(), 3);
    }

    #[test]
    fn a_flood_of_failures_pushes_nothing_else_out_and_everything_has_its_end() {
        let sql = account();
        note(&sql, &Event::of("consent given", "An app"), 1).unwrap();
        for number in 0..MAX_FAILED + 50 {
            note(&sql, &Event::failed_sign_in(&number.to_string()), 2).unwrap();
        }
        let found = list(&sql, 3).unwrap();
        assert_eq!(found.len(), 501);
        assert!(found.iter().any(|entry| entry.client == "An app"));
        for number in 0..MAX_ROWS + 5 {
            note(&sql, &Event::of("consent given", &number.to_string()), 4).unwrap();
        }
        assert_eq!(list(&sql, 5).unwrap().len(), 2_000);
        assert!(list(&sql, 5 + KEPT_MS).unwrap().is_empty());
        note(&sql, &Event::of("later", ""), 5 + KEPT_MS).unwrap();
        assert_eq!(list(&sql, 6).unwrap().len(), 1);
    }

    #[test]
    fn a_text_is_cut_and_cannot_break_a_line() {
        let sql = account();
        note(&sql, &Event::of("x", &format!("a\r\nb{}", "c".repeat(500))), 1).unwrap();
        let found = list(&sql, 2).unwrap();
        assert!(found[0].client.starts_with("abc") && found[0].client.len() == 200);
    }
}
