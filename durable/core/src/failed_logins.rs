//! Failed logins of one account, each of the later ones followed by a longer pause.
//!
//! An attempt within the pause is answered as a wrong password is, after the same work, and is not counted: whoever
//! guesses learns neither that there is a pause nor that there is an account, and cannot make the pause longer.

use crate::params;
use crate::storage::{Sql, StorageError};

/// Wrong passwords that cost nothing: people mistype.
const FREE: i64 = 5;
const FIRST_PAUSE_MS: i64 = 1_000;
/// Some 300 guesses a day at most, and an owner who is kept out by somebody's guessing waits no longer.
pub const LONGEST_PAUSE_MS: i64 = 300_000;
/// Without another failure for so long, the count begins anew.
const FORGOTTEN_MS: i64 = 86_400_000;

/// Whether passwords are not even looked at now.
pub fn is_paused(sql: &dyn Sql, now_ms: i64) -> Result<bool, StorageError> {
    let (count, last_ms) = counted(sql, now_ms)?;
    Ok(now_ms < last_ms.saturating_add(pause_ms(count)))
}

pub fn count(sql: &dyn Sql, now_ms: i64) -> Result<(), StorageError> {
    let (count, _) = counted(sql, now_ms)?;
    sql.query(
        "INSERT OR REPLACE INTO failed_logins (one, count, last_ms) VALUES (1, ?, ?)",
        params![count.saturating_add(1), now_ms],
    )
    .map(|_| ())
}

/// The right password was given.
pub fn forget(sql: &dyn Sql) -> Result<(), StorageError> {
    // Looked for first: a login without failures before it writes nothing.
    if sql.query("SELECT 1 FROM failed_logins", &[])?.is_empty() {
        return Ok(());
    }
    sql.query("DELETE FROM failed_logins", &[]).map(|_| ())
}

fn counted(sql: &dyn Sql, now_ms: i64) -> Result<(i64, i64), StorageError> {
    match sql.query("SELECT count, last_ms FROM failed_logins", &[])?.first() {
        Some(row) if now_ms < row.integer(1)?.saturating_add(FORGOTTEN_MS) => Ok((row.integer(0)?, row.integer(1)?)),
        _ => Ok((0, 0)),
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
    use super::{FORGOTTEN_MS, FREE, LONGEST_PAUSE_MS, count, forget, is_paused};
    use crate::migrate::{ACCOUNT, migrate};
    use crate::testing::Memory;

    fn failed(times: i64) -> Memory {
        let sql = Memory::new();
        migrate(&sql, ACCOUNT).unwrap();
        for _ in 0..times {
            count(&sql, 0).unwrap();
        }
        sql
    }

    #[test]
    fn the_pause_grows_with_each_failure_up_to_a_limit() {
        for (times, pause_ms) in [(FREE, 1_000), (FREE + 1, 2_000), (FREE + 4, 16_000), (FREE + 100, LONGEST_PAUSE_MS)]
        {
            let sql = failed(times);
            assert!(is_paused(&sql, pause_ms - 1).unwrap(), "{times}");
            assert!(!is_paused(&sql, pause_ms).unwrap(), "{times}");
        }
        assert!(!is_paused(&failed(FREE - 1), 0).unwrap());
    }

    #[test]
    fn the_right_password_and_a_quiet_day_both_clear_the_count() {
        let sql = failed(FREE + 3);
        forget(&sql).unwrap();
        assert!(!is_paused(&sql, 0).unwrap());
        let sql = failed(FREE + 100);
        count(&sql, FORGOTTEN_MS).unwrap();
        assert!(!is_paused(&sql, FORGOTTEN_MS).unwrap());
    }
}
