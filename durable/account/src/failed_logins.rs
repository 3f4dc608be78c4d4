//! Wrong guesses of or at one account, each of the later ones followed by a longer pause.
//!
//! An attempt within the pause is answered as a wrong password is, after the same work, and is not counted: whoever
//! guesses learns neither that there is a pause nor that there is an account, and cannot make the pause longer.

use kernel::params;
use kernel::storage::{Sql, StorageError};

/// Wrong passwords that cost nothing: people mistype.
const FREE: i64 = 5;
const FIRST_PAUSE_MS: i64 = 1_000;
/// Some 300 guesses a day at most, and an owner who is kept out by somebody's guessing waits no longer.
pub const LONGEST_PAUSE_MS: i64 = 300_000;
/// Without another failure for so long, the count begins anew.
const FORGOTTEN_MS: i64 = 86_400_000;

/// What is guessed at; counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guessed {
    Password,
    /// The code of somebody else's device, by the owner of this account.
    DeviceCode,
}

impl Guessed {
    const fn table(self) -> &'static str {
        match self {
            Self::Password => "failed_logins",
            Self::DeviceCode => "device_guesses",
        }
    }

    /// Whether guesses are not even looked at now.
    pub fn is_paused(self, sql: &dyn Sql, now_ms: i64) -> Result<bool, StorageError> {
        let (count, last_ms) = self.counted(sql, now_ms)?;
        Ok(now_ms < last_ms.saturating_add(pause_ms(count)))
    }

    pub fn count(self, sql: &dyn Sql, now_ms: i64) -> Result<(), StorageError> {
        let (count, _) = self.counted(sql, now_ms)?;
        let statement = format!("INSERT OR REPLACE INTO {} (one, count, last_ms) VALUES (1, ?, ?)", self.table());
        sql.query(&statement, params![count.saturating_add(1), now_ms]).map(|_| ())
    }

    /// The right one was given.
    pub fn forget(self, sql: &dyn Sql) -> Result<(), StorageError> {
        let table = self.table();
        // Looked for first: a login without failures before it writes nothing.
        if sql.query(&format!("SELECT 1 FROM {table}"), &[])?.is_empty() {
            return Ok(());
        }
        sql.query(&format!("DELETE FROM {table}"), &[]).map(|_| ())
    }

    fn counted(self, sql: &dyn Sql, now_ms: i64) -> Result<(i64, i64), StorageError> {
        match sql.query(&format!("SELECT count, last_ms FROM {}", self.table()), &[])?.first() {
            Some(row) if now_ms < row.integer(1)?.saturating_add(FORGOTTEN_MS) => {
                Ok((row.integer(0)?, row.integer(1)?))
            }
            _ => Ok((0, 0)),
        }
    }
}

/// 0 for the first few, then 1 s, 2 s, 4 s and so on.
fn pause_ms(count: i64) -> i64 {
    let Ok(doublings) = u32::try_from(count.saturating_sub(FREE)) else { return 0 };
    let factor = 1_i64.checked_shl(doublings.min(30)).unwrap_or(i64::MAX);
    FIRST_PAUSE_MS.saturating_mul(factor).min(LONGEST_PAUSE_MS)
}

#[cfg(test)]
mod tests {
    use super::{FORGOTTEN_MS, FREE, Guessed, LONGEST_PAUSE_MS};
    use crate::schema::ACCOUNT;
    use kernel::migrate::migrate;
    use kernel::testing::Memory;

    fn failed(times: i64) -> Memory {
        let sql = Memory::new();
        migrate(&sql, ACCOUNT).unwrap();
        for _ in 0..times {
            Guessed::Password.count(&sql, 0).unwrap();
        }
        sql
    }

    #[test]
    fn the_pause_grows_with_each_failure_up_to_a_limit() {
        for (times, pause_ms) in [(FREE, 1_000), (FREE + 1, 2_000), (FREE + 4, 16_000), (FREE + 100, LONGEST_PAUSE_MS)]
        {
            let sql = failed(times);
            assert!(Guessed::Password.is_paused(&sql, pause_ms - 1).unwrap(), "{times}");
            assert!(!Guessed::Password.is_paused(&sql, pause_ms).unwrap(), "{times}");
        }
        assert!(!Guessed::Password.is_paused(&failed(FREE - 1), 0).unwrap());
    }

    #[test]
    fn the_right_password_and_a_quiet_day_both_clear_the_count() {
        let sql = failed(FREE + 3);
        Guessed::Password.forget(&sql).unwrap();
        assert!(!Guessed::Password.is_paused(&sql, 0).unwrap());
        let sql = failed(FREE + 100);
        Guessed::Password.count(&sql, FORGOTTEN_MS).unwrap();
        assert!(!Guessed::Password.is_paused(&sql, FORGOTTEN_MS).unwrap());
    }

    #[test]
    fn guesses_at_passwords_and_at_device_codes_are_counted_apart() {
        let sql = failed(FREE + 3);
        assert!(!Guessed::DeviceCode.is_paused(&sql, 0).unwrap());
        for _ in 0..FREE {
            Guessed::DeviceCode.count(&sql, 0).unwrap();
        }
        Guessed::Password.forget(&sql).unwrap();
        assert!(Guessed::DeviceCode.is_paused(&sql, 0).unwrap() && !Guessed::Password.is_paused(&sql, 0).unwrap());
    }
}
