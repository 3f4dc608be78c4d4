//! Password hashes: argon2id, with the parameters kept beside each hash so that they can be raised later.

use argon2::{Algorithm, Argon2, Params, Version};
use kernel::ids::{Entropy, EntropyError};
use kernel::params;
use kernel::storage::{Row, Sql, StorageError};
use subtle::ConstantTimeEq;
use thiserror::Error;

/// A longer password is refused before anything is computed.
pub const MAX_BYTES: usize = 1024;

/// A new password is no shorter.
pub const MIN_CHARACTERS: usize = 10;

#[derive(Debug, Error)]
pub enum PasswordError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    #[error("argon2id refuses its parameters: {0}")]
    Parameters(String),
}

/// The cost of one hash: memory in KiB, passes over it, lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

impl Cost {
    /// OWASP's smallest recommended setting; 34 to 59 ms in an object.
    pub const CURRENT: Self = Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 };

    fn hash(self, password: &str, salt: &[u8]) -> Result<[u8; 32], PasswordError> {
        let failed = |error: argon2::Error| PasswordError::Parameters(error.to_string());
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).map_err(failed)?;
        let mut hash = [0_u8; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(password.as_bytes(), salt, &mut hash)
            .map_err(failed)?;
        Ok(hash)
    }
}

/// Whether this is acceptable as a new password.
#[must_use]
pub fn is_acceptable(password: &str) -> bool {
    password.chars().count() >= MIN_CHARACTERS && password.len() <= MAX_BYTES
}

/// Whether the account has a password.
pub fn is_set(sql: &dyn Sql) -> Result<bool, StorageError> {
    Ok(!sql.query("SELECT 1 FROM password", &[])?.is_empty())
}

/// Stores the hash of `password` as the account's one password.
pub fn set(sql: &dyn Sql, password: &str, now_ms: i64, entropy: &mut dyn Entropy) -> Result<(), PasswordError> {
    let cost = Cost::CURRENT;
    let mut salt = [0_u8; 16];
    entropy.fill(&mut salt)?;
    let hash = cost.hash(password, &salt)?;
    sql.query(
        "INSERT OR REPLACE INTO password (one, salt, hash, memory_kib, passes, lanes, changed_ms)
         VALUES (1, ?, ?, ?, ?, ?, ?)",
        params![
            salt.to_vec(),
            hash.to_vec(),
            i64::from(cost.memory_kib),
            i64::from(cost.passes),
            i64::from(cost.lanes),
            now_ms
        ],
    )?;
    Ok(())
}

/// Whether `password` is the stored one. A right password whose hash was made at another cost is hashed anew.
pub fn verify(sql: &dyn Sql, password: &str, now_ms: i64, entropy: &mut dyn Entropy) -> Result<bool, PasswordError> {
    let rows = sql.query("SELECT salt, hash, memory_kib, passes, lanes FROM password", &[])?;
    let Some(row) = rows.first() else {
        pretend(password)?;
        return Ok(false);
    };
    let cost = Cost { memory_kib: number(row, 2)?, passes: number(row, 3)?, lanes: number(row, 4)? };
    let right: bool = cost.hash(password, &row.blob(0)?)?.ct_eq(row.blob(1)?.as_slice()).into();
    if right && cost != Cost::CURRENT {
        set(sql, password, now_ms, entropy)?;
    }
    Ok(right)
}

/// Takes as long as `verify` does, for a name without a password, so that the response time does not tell which names
/// exist.
pub fn pretend(password: &str) -> Result<(), PasswordError> {
    Cost::CURRENT.hash(password, &[0; 16]).map(|_| ())
}

fn number(row: &Row, column: usize) -> Result<u32, StorageError> {
    u32::try_from(row.integer(column)?).map_err(|_| StorageError::Column { column, expected: "a small number" })
}

#[cfg(test)]
mod tests {
    use super::{Cost, set, verify};
    use crate::schema::ACCOUNT;
    use kernel::migrate::migrate;
    use kernel::params;
    use kernel::storage::Sql;
    use kernel::testing::Counter;
    use kernel::testing::Memory;

    fn account() -> Memory {
        let sql = Memory::new();
        migrate(&sql, ACCOUNT).unwrap();
        sql
    }

    #[test]
    fn only_the_same_password_verifies() {
        let (sql, mut entropy) = (account(), Counter::default());
        set(&sql, "correct horse", 1, &mut entropy).unwrap();
        assert!(verify(&sql, "correct horse", 2, &mut entropy).unwrap());
        for wrong in ["", "correct hors", "correct horse ", "Correct horse", "correct horse\0"] {
            assert!(!verify(&sql, wrong, 2, &mut entropy).unwrap(), "{wrong:?}");
        }
    }

    #[test]
    fn an_account_without_a_password_lets_nobody_in() {
        assert!(!verify(&account(), "", 1, &mut Counter::default()).unwrap());
    }

    #[test]
    fn a_hash_of_another_cost_still_verifies_and_is_made_anew() {
        let (sql, mut entropy) = (account(), Counter::default());
        let old = Cost { memory_kib: 64, passes: 1, lanes: 1 };
        let hash = old.hash("secret", &[7; 16]).unwrap();
        sql.query("INSERT INTO password VALUES (1, ?, ?, 64, 1, 1, 0)", params![vec![7_u8; 16], hash.to_vec()])
            .unwrap();
        assert!(!verify(&sql, "wrong", 5, &mut entropy).unwrap());
        assert!(verify(&sql, "secret", 5, &mut entropy).unwrap());
        let row = &sql.query("SELECT memory_kib, passes, changed_ms FROM password", &[]).unwrap()[0];
        assert_eq!((row.integer(0).unwrap(), row.integer(1).unwrap(), row.integer(2).unwrap()), (19 * 1024, 2, 5));
        assert!(verify(&sql, "secret", 6, &mut entropy).unwrap());
    }

    #[test]
    fn the_same_password_is_stored_differently_each_time() {
        let mut entropy = Counter::default();
        let hashes: Vec<_> = (0..2)
            .map(|_| {
                let sql = account();
                set(&sql, "secret", 1, &mut entropy).unwrap();
                sql.query("SELECT hash FROM password", &[]).unwrap()[0].blob(0).unwrap()
            })
            .collect();
        assert_ne!(hashes[0], hashes[1]);
    }
}
