//! The keys of this server, made on first use.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::ids::{Entropy, EntropyError, random_id};
use kernel::params;
use kernel::storage::{Row, Sql, StorageError};
use serde::{Deserialize, Serialize};
use thiserror::Error;

#[derive(Debug, Error)]
pub enum KeyError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// Each key has one purpose: a signature of one is not accepted for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Signs access tokens.
    AccessToken,
    /// Signs the client records of dynamic registration.
    ClientRecord,
    /// Binds a form to the browser it was shown to.
    Form,
    /// Binds the state of a request that a client carries from one round trip to the next.
    RequestState,
}

impl Purpose {
    const EACH: [(Self, &'static str); 4] = [
        (Self::AccessToken, "access_token"),
        (Self::ClientRecord, "client_record"),
        (Self::Form, "form"),
        (Self::RequestState, "request_state"),
    ];
}

/// `secret`: 32 bytes in base64url.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub kid: String,
    pub purpose: Purpose,
    pub secret: String,
}

/// Every key, the newest of each purpose first; at least one of each.
pub fn keys(sql: &dyn Sql, now_ms: i64, entropy: &mut dyn Entropy) -> Result<Vec<Key>, KeyError> {
    let mut keys = Vec::new();
    for (purpose, name) in Purpose::EACH {
        let rows =
            sql.query("SELECT kid, secret FROM keys WHERE purpose = ? ORDER BY created_ms DESC, kid", params![name])?;
        if rows.is_empty() {
            keys.push(create(sql, purpose, name, now_ms, entropy)?);
        }
        for row in &rows {
            keys.push(key(row, purpose)?);
        }
    }
    Ok(keys)
}

fn create(
    sql: &dyn Sql,
    purpose: Purpose,
    name: &str,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<Key, KeyError> {
    let kid = random_id::<6>("", entropy)?;
    let mut secret = [0_u8; 32];
    entropy.fill(&mut secret)?;
    sql.query(
        "INSERT INTO keys (kid, purpose, secret, created_ms) VALUES (?, ?, ?, ?)",
        params![kid.as_str(), name, secret.to_vec(), now_ms],
    )?;
    Ok(Key { kid, purpose, secret: URL_SAFE_NO_PAD.encode(secret) })
}

fn key(row: &Row, purpose: Purpose) -> Result<Key, StorageError> {
    Ok(Key { kid: row.text(0)?, purpose, secret: URL_SAFE_NO_PAD.encode(row.blob(1)?) })
}

#[cfg(test)]
mod tests {
    use super::keys;
    use crate::schema::KEY_RING;
    use kernel::migrate::migrate;
    use kernel::testing::Counter;
    use kernel::testing::Memory;

    #[test]
    fn keys_are_made_once_one_for_each_purpose() {
        let (sql, mut entropy) = (Memory::new(), Counter::default());
        migrate(&sql, KEY_RING).unwrap();
        let first = keys(&sql, 1, &mut entropy).unwrap();
        assert_eq!(first.len(), 4);
        for (index, key) in first.iter().enumerate() {
            assert!(first[..index].iter().all(|other| other.kid != key.kid && other.secret != key.secret));
        }
        assert_eq!(keys(&sql, 2, &mut entropy).unwrap(), first);
    }
}
