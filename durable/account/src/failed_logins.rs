//! Failed sign-ins of one account. After the first few, each is followed by a longer pause.
//!
//! An attempt within the pause gets the same answer as a wrong password, after the same work, and is not counted. So a
//! guesser learns neither that there is a pause nor that there is an account, and cannot make the pause longer.
//!
//! Failures are counted by origin, so that a stranger's do not keep the owner out. An origin is a browser in which the
//! owner has signed in before, or else a network. The account as a whole has a budget too. While it is used up, a
//! network has one free attempt instead of five.

use kernel::params;
use kernel::storage::{Sql, StorageError};
use sha2::{Digest, Sha256};

/// Wrong passwords that cost nothing: people mistype.
const FREE: i64 = 5;
const FIRST_PAUSE_MS: i64 = 1_000;
/// Some 300 guesses a day at most from one place.
pub const LONGEST_PAUSE_MS: i64 = 300_000;
/// The count starts again after this long without a failure.
const FORGOTTEN_MS: i64 = 86_400_000;
/// The budget of failures of all networks together, and the time in which one of them is forgiven.
const BUDGET: i64 = 100;
const FORGIVEN_MS: i64 = 300_000;
/// How long a browser is known after a sign-in.
pub const KNOWN_MS: i64 = 180 * FORGOTTEN_MS;
/// Places that are remembered.
const MAX_PLACES: i64 = 500;

/// Where guesses at the password come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    hash: Vec<u8>,
    known: bool,
}

impl Place {
    /// A browser in which the owner has signed in before.
    pub fn browser(id: &str) -> Self {
        Self { hash: Sha256::digest(format!("browser {id}")).to_vec(), known: true }
    }

    /// A network. `salt` belongs to the account, so that the hashes of two accounts cannot be compared.
    pub fn network(address: &str, salt: &str) -> Self {
        Self { hash: Sha256::digest(format!("network {salt} {address}")).to_vec(), known: false }
    }

    /// The browser of somebody who is signed in.
    pub fn session(secret: &str) -> Self {
        Self { hash: Sha256::digest(format!("session {secret}")).to_vec(), known: true }
    }

    /// Whether attempts from here are refused without being checked.
    pub fn is_paused(&self, sql: &dyn Sql, now_ms: i64) -> Result<bool, StorageError> {
        let (count, last_ms) = self.counted(sql, now_ms)?;
        let spent = !self.known && used_of_budget(sql, now_ms)? >= BUDGET;
        let free = if spent { 1 } else { FREE };
        Ok(is_within(last_ms, pause_ms(count, free), now_ms))
    }

    pub fn count(&self, sql: &dyn Sql, now_ms: i64) -> Result<(), StorageError> {
        let (count, _) = self.counted(sql, now_ms)?;
        sql.query("DELETE FROM failures_from WHERE last_ms <= ?", params![now_ms.saturating_sub(FORGOTTEN_MS)])?;
        sql.query(
            "INSERT OR REPLACE INTO failures_from (origin, count, last_ms) VALUES (?, ?, ?)",
            params![self.hash.clone(), count.saturating_add(1), now_ms],
        )?;
        sql.query(
            "DELETE FROM failures_from WHERE origin IN
             (SELECT origin FROM failures_from ORDER BY last_ms DESC LIMIT -1 OFFSET ?)",
            params![MAX_PLACES],
        )?;
        if self.known {
            return Ok(());
        }
        let used = used_of_budget(sql, now_ms)?.saturating_add(1).min(BUDGET.saturating_mul(2));
        sql.query("INSERT OR REPLACE INTO failed_logins (one, count, last_ms) VALUES (1, ?, ?)", params![used, now_ms])
            .map(|_| ())
    }

    /// The right password came from here: forgets its failures.
    pub fn forget(&self, sql: &dyn Sql) -> Result<(), StorageError> {
        // Looked for first: a login without failures before it writes nothing.
        if sql.query("SELECT 1 FROM failures_from WHERE origin = ?", params![self.hash.clone()])?.is_empty() {
            return Ok(());
        }
        sql.query("DELETE FROM failures_from WHERE origin = ?", params![self.hash.clone()]).map(|_| ())
    }

    fn counted(&self, sql: &dyn Sql, now_ms: i64) -> Result<(i64, i64), StorageError> {
        let rows = sql.query(
            "SELECT count, last_ms FROM failures_from WHERE origin = ? AND last_ms > ?",
            params![self.hash.clone(), now_ms.saturating_sub(FORGOTTEN_MS)],
        )?;
        rows.first().map_or(Ok((0, 0)), |row| Ok((row.integer(0)?, row.integer(1)?)))
    }
}

/// The wrong passwords of all networks that are not forgiven yet.
fn used_of_budget(sql: &dyn Sql, now_ms: i64) -> Result<i64, StorageError> {
    let rows = sql.query("SELECT count, last_ms FROM failed_logins", &[])?;
    let Some(row) = rows.first() else { return Ok(0) };
    let forgiven = now_ms.saturating_sub(row.integer(1)?).div_euclid(FORGIVEN_MS).max(0);
    Ok(row.integer(0)?.saturating_sub(forgiven).max(0))
}

/// Guesses at the code of somebody else's device, by the owner of this account.
pub struct DeviceCode;

impl DeviceCode {
    /// Whether attempts are refused without being checked.
    pub fn is_paused(sql: &dyn Sql, now_ms: i64) -> Result<bool, StorageError> {
        let (count, last_ms) = Self::counted(sql, now_ms)?;
        Ok(is_within(last_ms, pause_ms(count, FREE), now_ms))
    }

    pub fn count(sql: &dyn Sql, now_ms: i64) -> Result<(), StorageError> {
        let (count, _) = Self::counted(sql, now_ms)?;
        let statement = "INSERT OR REPLACE INTO device_guesses (one, count, last_ms) VALUES (1, ?, ?)";
        sql.query(statement, params![count.saturating_add(1), now_ms]).map(|_| ())
    }

    /// The right one was given.
    pub fn forget(sql: &dyn Sql) -> Result<(), StorageError> {
        sql.query("DELETE FROM device_guesses", &[]).map(|_| ())
    }

    fn counted(sql: &dyn Sql, now_ms: i64) -> Result<(i64, i64), StorageError> {
        match sql.query("SELECT count, last_ms FROM device_guesses", &[])?.first() {
            Some(row) if now_ms < row.integer(1)?.saturating_add(FORGOTTEN_MS) => {
                Ok((row.integer(0)?, row.integer(1)?))
            }
            _ => Ok((0, 0)),
        }
    }
}

/// Whether the pause after a failure is still running. A failure in the future is ignored: the clock was wrong then or
/// is wrong now.
fn is_within(last_ms: i64, pause_ms: i64, now_ms: i64) -> bool {
    last_ms <= now_ms && now_ms < last_ms.saturating_add(pause_ms)
}

/// 0 for the first few, then 1 s, 2 s, 4 s and so on.
fn pause_ms(count: i64, free: i64) -> i64 {
    let Ok(doublings) = u32::try_from(count.saturating_sub(free)) else { return 0 };
    let factor = 1_i64.checked_shl(doublings.min(30)).unwrap_or(i64::MAX);
    FIRST_PAUSE_MS.saturating_mul(factor).min(LONGEST_PAUSE_MS)
}

#[cfg(test)]
mod tests {
    use super::{BUDGET, DeviceCode, FORGIVEN_MS, FORGOTTEN_MS, FREE, LONGEST_PAUSE_MS, MAX_PLACES, Place};
    use crate::schema::ACCOUNT;
    use kernel::migrate::migrate;
    use kernel::storage::Sql;
    use kernel::testing::Memory;

    fn here() -> Place {
        Place::network("192.0.2.0/24", "u-1")
    }

    fn failed(times: i64) -> Memory {
        let sql = Memory::new();
        migrate(&sql, ACCOUNT).unwrap();
        for _ in 0..times {
            here().count(&sql, 0).unwrap();
        }
        sql
    }

    #[test]
    fn the_pause_grows_with_each_failure_up_to_a_limit() {
        for (times, pause_ms) in [(FREE, 1_000), (FREE + 1, 2_000), (FREE + 4, 16_000), (FREE + 40, LONGEST_PAUSE_MS)] {
            let sql = failed(times);
            assert!(here().is_paused(&sql, pause_ms - 1).unwrap(), "{times}");
            assert!(!here().is_paused(&sql, pause_ms).unwrap(), "{times}");
        }
        assert!(!here().is_paused(&failed(FREE - 1), 0).unwrap());
    }

    #[test]
    fn the_right_password_and_a_quiet_day_both_clear_the_count() {
        let sql = failed(FREE + 3);
        here().forget(&sql).unwrap();
        assert!(!here().is_paused(&sql, 0).unwrap());
        let sql = failed(FREE + 50);
        here().count(&sql, FORGOTTEN_MS).unwrap();
        assert!(!here().is_paused(&sql, FORGOTTEN_MS).unwrap());
    }

    #[test]
    fn guesses_of_one_network_pause_no_other_and_no_known_browser() {
        let sql = failed(FREE + 50);
        assert!(here().is_paused(&sql, 1).unwrap());
        for other in [Place::network("198.51.100.0/24", "u-1"), Place::browser("1"), Place::session("1")] {
            assert!(!other.is_paused(&sql, 1).unwrap());
        }
        assert_ne!(here(), Place::network("192.0.2.0/24", "u-2"));
    }

    #[test]
    fn past_the_budget_a_network_has_one_guess_and_a_quiet_one_or_a_known_browser_still_goes_through() {
        let sql = failed(0);
        for number in 0..BUDGET {
            Place::network(&number.to_string(), "u-1").count(&sql, 0).unwrap();
        }
        assert!(Place::network("0", "u-1").is_paused(&sql, 999).unwrap());
        assert!(!here().is_paused(&sql, 0).unwrap());
        let browser = Place::browser("1");
        browser.count(&sql, 0).unwrap();
        assert!(!browser.is_paused(&sql, 0).unwrap());
        here().count(&sql, FORGIVEN_MS).unwrap();
        assert!(here().is_paused(&sql, FORGIVEN_MS).unwrap());
        // Some failures have been forgiven, so this one is free again.
        assert!(!here().is_paused(&sql, FORGIVEN_MS * 2).unwrap());
    }

    #[test]
    fn a_known_browser_has_its_own_pauses() {
        let sql = failed(0);
        let browser = Place::browser("1");
        for _ in 0..FREE {
            browser.count(&sql, 0).unwrap();
        }
        assert!(browser.is_paused(&sql, 999).unwrap() && !here().is_paused(&sql, 999).unwrap());
    }

    #[test]
    fn what_is_kept_of_places_is_bounded_and_holds_no_address() {
        let sql = failed(1);
        for number in 0..MAX_PLACES + 20 {
            Place::network(&number.to_string(), "u-1").count(&sql, 1).unwrap();
        }
        let rows = sql.query("SELECT * FROM failures_from", &[]).unwrap();
        assert_eq!(rows.len(), 500);
        assert!(!format!("{rows:?}").contains("192.0.2"));
    }

    #[test]
    fn guesses_at_passwords_and_at_device_codes_are_counted_apart() {
        let sql = failed(FREE + 3);
        assert!(!DeviceCode::is_paused(&sql, 0).unwrap());
        for _ in 0..FREE {
            DeviceCode::count(&sql, 0).unwrap();
        }
        here().forget(&sql).unwrap();
        assert!(DeviceCode::is_paused(&sql, 0).unwrap() && !here().is_paused(&sql, 0).unwrap());
        DeviceCode::forget(&sql).unwrap();
        assert!(!DeviceCode::is_paused(&sql, 0).unwrap());
    }

    #[test]
    fn failures_of_the_future_keep_nobody_out() {
        let sql = failed(FREE + 3);
        for _ in 0..FREE + 3 {
            DeviceCode::count(&sql, 0).unwrap();
        }
        assert!(here().is_paused(&sql, 0).unwrap() && DeviceCode::is_paused(&sql, 0).unwrap());
        assert!(!here().is_paused(&sql, -3_600_000).unwrap() && !DeviceCode::is_paused(&sql, -3_600_000).unwrap());
    }
}
