//! Invitations that an administrator gives out: each lets one person make one account. Known here by their hash.

use kernel::ids::Entropy;
use kernel::params;
use kernel::secrets::{hash, new_secret};
use kernel::storage::{Sql, StorageError};

use crate::browser_sessions::SessionError;

pub const LIFETIME_MS: i64 = 7 * 86_400_000;
const MAX_INVITES: i64 = 100;

/// Makes an invitation; returns its secret. The oldest one goes where there are too many.
pub fn make(sql: &dyn Sql, now_ms: i64, entropy: &mut dyn Entropy) -> Result<String, SessionError> {
    let secret = new_secret(entropy)?;
    sql.query("DELETE FROM invites WHERE expires_ms <= ?", params![now_ms])?;
    sql.query(
        "DELETE FROM invites WHERE hash IN (SELECT hash FROM invites ORDER BY created_ms DESC LIMIT -1 OFFSET ?)",
        params![MAX_INVITES.saturating_sub(1)],
    )?;
    sql.query(
        "INSERT INTO invites (hash, created_ms, expires_ms) VALUES (?, ?, ?)",
        params![hash(&secret), now_ms, now_ms.saturating_add(LIFETIME_MS)],
    )?;
    Ok(secret)
}

/// Uses an invitation up for one name.
pub fn claim(sql: &dyn Sql, secret: &str, username: &str, now_ms: i64) -> Result<bool, StorageError> {
    let claimed = sql.query(
        "UPDATE invites SET used_by = ?1 WHERE hash = ?2 AND expires_ms > ?3 AND used_by IS NULL
         RETURNING 1",
        params![username, hash(secret), now_ms],
    )?;
    Ok(!claimed.is_empty())
}

/// Releases an invitation whose account could not be made because the name was taken.
pub fn release(sql: &dyn Sql, secret: &str, username: &str) -> Result<(), StorageError> {
    sql.query("UPDATE invites SET used_by = NULL WHERE hash = ? AND used_by = ?", params![hash(secret), username])
        .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::{LIFETIME_MS, claim, make, release};
    use crate::schema::ACCOUNT;
    use kernel::migrate::migrate;
    use kernel::storage::Sql;
    use kernel::testing::Counter;
    use kernel::testing::Memory;

    #[test]
    fn an_invitation_is_for_one_account_and_ends() {
        let (sql, mut entropy) = (Memory::new(), Counter::default());
        migrate(&sql, ACCOUNT).unwrap();
        let invite = make(&sql, 0, &mut entropy).unwrap();
        assert!(!claim(&sql, "other", "ada", 1).unwrap());
        assert!(claim(&sql, &invite, "ada", 1).unwrap() && !claim(&sql, &invite, "ada", 2).unwrap());
        assert!(!claim(&sql, &invite, "eve", 3).unwrap());
        release(&sql, &invite, "ada").unwrap();
        assert!(claim(&sql, &invite, "eve", 4).unwrap());
        let late = make(&sql, 0, &mut entropy).unwrap();
        assert!(!claim(&sql, &late, "bob", LIFETIME_MS).unwrap());
        let rows = sql.query("SELECT * FROM invites", &[]).unwrap();
        assert!(!format!("{rows:?}").contains(&invite), "only hashes are stored");
    }
}
