//! Sign-ins of devices without a browser (RFC 8628): who asks, for what, and the decision.
//!
//! Strangers make these, so `SHARDS` objects share them, each holds at most `OPEN_MAX` rows, and every row expires. What the
//! device gets in the end is an authorization code of the account that allowed it. The code's secret is the device's own, so
//! reading a row gives nobody access.

use kernel::access::Access;
use kernel::ids::{Entropy, EntropyError};
use kernel::migrate::migrate;
use kernel::params;
use kernel::secrets::{encoded_hash, hash, new_secret};
use kernel::storage::{Row, Sql, StorageError};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::schema::DEVICE;

/// How many objects share the sign-ins.
pub const SHARDS: u8 = 16;
/// How many sign-ins an object holds. When it is full, the network that has most of them loses its oldest.
pub const OPEN_MAX: i64 = 500;
pub const LIFETIME_MS: i64 = 600_000;
/// How long a device waits between two questions, and how much longer after it has not (RFC 8628 section 3.5).
pub const INTERVAL_MS: i64 = 5_000;
/// A question may have been faster on its way than the one before.
const JITTER_MS: i64 = 500;
/// No vowels, so no words, and nothing that looks like a digit (RFC 8628 section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const CODE_LETTERS: usize = 8;
/// Length of a code's keyed hash.
pub const CODE_BYTES: usize = 16;

#[derive(Debug, Error)]
pub enum DeviceError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// Who asks, and for what. `publisher`: the host that describes the client, where one does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    pub client_id: String,
    pub client_name: String,
    pub publisher: Option<String>,
    pub scopes: Access,
    pub audience: String,
}

/// What is asked about one code. `code`: its keyed hash, by which the code itself cannot be found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    pub code: [u8; CODE_BYTES],
    pub command: Command,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// `network`: where it comes from, in short form; empty if that is not known.
    Begin { requested: Requested, network: String },
    /// What there is to decide on.
    Look,
    /// `account`: the route of the account that allows it; nothing if it does not.
    Decide { account: Option<String> },
    /// The device asks.
    Poll { secret: String, client_id: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The device's secret.
    Begun {
        secret: String,
    },
    /// Another device has this code.
    Occupied,
    /// `secret_hash`: SHA-256 of the device's secret in base64url. `left_ms`: until it ends.
    Asked {
        requested: Requested,
        secret_hash: String,
        left_ms: i64,
    },
    Done,
    Pending,
    SlowDown,
    Denied,
    /// It has expired or never existed.
    Expired,
    Allowed {
        account: String,
    },
    /// It was used before, or another client asks than the one that began.
    Refused,
}

/// A new user code: 8 letters, some 34 bits.
pub fn user_code(entropy: &mut dyn Entropy) -> Result<String, EntropyError> {
    let mut code = String::with_capacity(CODE_LETTERS);
    while code.len() < CODE_LETTERS {
        let mut bytes = [0_u8; 16];
        entropy.fill(&mut bytes)?;
        // 240 is the largest multiple of 20 in a byte: no letter is likelier than another.
        let fair = bytes.iter().filter(|byte| **byte < 240);
        let letters = fair.filter_map(|byte| LETTERS.get(usize::from(byte % 20)));
        code.extend(letters.map(|letter| char::from(*letter)).take(CODE_LETTERS.saturating_sub(code.len())));
    }
    Ok(code)
}

/// The code that somebody has typed, whatever stands between its letters and in either case.
pub fn typed_code(text: &str) -> Option<String> {
    let letters: String = text.chars().filter(|letter| !matches!(letter, ' ' | '-')).take(CODE_LETTERS * 2).collect();
    let code = letters.to_ascii_uppercase();
    let known = code.bytes().all(|letter| LETTERS.contains(&letter));
    (code.len() == CODE_LETTERS && known).then_some(code)
}

/// As it is shown: `BCDF-GHJK`.
pub fn shown(code: &str) -> String {
    match code.split_at_checked(CODE_LETTERS.div_euclid(2)) {
        Some((first, second)) => format!("{first}-{second}"),
        None => code.to_owned(),
    }
}

/// The object that keeps a code, by the code's keyed hash.
pub fn shard(code: &[u8; CODE_BYTES]) -> String {
    let [first, ..] = code;
    format!("codes/{}", first % SHARDS)
}

pub fn handle(sql: &dyn Sql, question: Question, now_ms: i64, entropy: &mut dyn Entropy) -> Result<Reply, DeviceError> {
    let Question { code, command } = question;
    let request = if is_made(sql)? { find(sql, &code)?.filter(|request| now_ms < request.expires_ms) } else { None };
    let Some(request) = request else {
        return match command {
            Command::Begin { requested, network } => begin(sql, &code, &requested, &network, now_ms, entropy),
            Command::Look | Command::Decide { .. } | Command::Poll { .. } => Ok(Reply::Expired),
        };
    };
    match command {
        Command::Begin { .. } => Ok(Reply::Occupied),
        Command::Look | Command::Decide { .. } if request.state != "pending" => Ok(Reply::Expired),
        Command::Look => Ok(Reply::Asked {
            requested: request.requested,
            secret_hash: encoded_hash(&request.secret_hash),
            left_ms: request.expires_ms.saturating_sub(now_ms),
        }),
        Command::Decide { account } => {
            let state = if account.is_some() { "allowed" } else { "denied" };
            sql.query(
                "UPDATE requests SET state = ?, account = ? WHERE code = ?",
                params![state, account, code.to_vec()],
            )?;
            Ok(Reply::Done)
        }
        Command::Poll { secret, client_id } => {
            let holds_it = bool::from(hash(&secret).ct_eq(&request.secret_hash));
            if !holds_it || client_id != request.requested.client_id {
                return Ok(Reply::Refused);
            }
            Ok(poll(sql, &code, request, now_ms)?)
        }
    }
}

/// Forgets what has ended. When the next one ends; `None`: none is left, and the object may forget its tables too.
pub fn sweep(sql: &dyn Sql, now_ms: i64) -> Result<Option<i64>, StorageError> {
    if !is_made(sql)? {
        return Ok(None);
    }
    sql.query("DELETE FROM requests WHERE expires_ms <= ?", params![now_ms])?;
    let rows = sql.query("SELECT expires_ms FROM requests ORDER BY expires_ms LIMIT 1", &[])?;
    rows.first().map(|row| row.integer(0)).transpose()
}

fn begin(
    sql: &dyn Sql,
    code: &[u8; CODE_BYTES],
    requested: &Requested,
    network: &str,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<Reply, DeviceError> {
    let secret = new_secret(entropy)?;
    migrate(sql, DEVICE)?;
    sweep(sql, now_ms)?;
    make_room(sql)?;
    sql.query(
        "INSERT INTO requests (code, network, secret_hash, client_id, client_name, publisher, scopes, audience,
         expires_ms, interval_ms, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending')",
        params![
            code.to_vec(),
            network,
            hash(&secret),
            requested.client_id.as_str(),
            requested.client_name.as_str(),
            requested.publisher.as_deref(),
            requested.scopes.to_string(),
            requested.audience.as_str(),
            now_ms.saturating_add(LIFETIME_MS),
            INTERVAL_MS
        ],
    )?;
    Ok(Reply::Begun { secret })
}

/// A flood pushes out its own: who asks from a network that has few codes keeps them.
fn make_room(sql: &dyn Sql) -> Result<(), StorageError> {
    sql.query(
        "DELETE FROM requests WHERE (SELECT COUNT(*) FROM requests) >= ? AND code = (SELECT code FROM requests
         WHERE network = (SELECT network FROM requests GROUP BY network ORDER BY COUNT(*) DESC, MIN(expires_ms) LIMIT 1)
         ORDER BY expires_ms LIMIT 1)",
        params![OPEN_MAX],
    )?;
    Ok(())
}

fn poll(sql: &dyn Sql, code: &[u8; CODE_BYTES], request: Request, now_ms: i64) -> Result<Reply, StorageError> {
    match (request.state.as_str(), request.account) {
        ("allowed", Some(account)) => {
            sql.query("UPDATE requests SET state = 'used', account = NULL WHERE code = ?", params![code.to_vec()])?;
            Ok(Reply::Allowed { account })
        }
        ("denied", _) => Ok(Reply::Denied),
        ("pending", _) => {
            let patience = request.interval_ms.saturating_sub(JITTER_MS);
            let hurried = request.polled_ms.is_some_and(|polled| now_ms.saturating_sub(polled) < patience);
            let interval_ms = request.interval_ms.saturating_add(if hurried { INTERVAL_MS } else { 0 });
            sql.query(
                "UPDATE requests SET polled_ms = ?, interval_ms = ? WHERE code = ?",
                params![now_ms, interval_ms, code.to_vec()],
            )?;
            Ok(if hurried { Reply::SlowDown } else { Reply::Pending })
        }
        _ => Ok(Reply::Refused),
    }
}

struct Request {
    secret_hash: Vec<u8>,
    requested: Requested,
    expires_ms: i64,
    interval_ms: i64,
    polled_ms: Option<i64>,
    state: String,
    account: Option<String>,
}

/// Whether there is the table: the catalog tells, so that a guess at a code stores nothing.
fn is_made(sql: &dyn Sql) -> Result<bool, StorageError> {
    Ok(!sql.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'requests'", &[])?.is_empty())
}

fn find(sql: &dyn Sql, code: &[u8; CODE_BYTES]) -> Result<Option<Request>, StorageError> {
    let rows = sql.query(
        "SELECT secret_hash, client_id, client_name, publisher, scopes, audience, expires_ms, interval_ms, polled_ms,
         state, account FROM requests WHERE code = ?",
        params![code.to_vec()],
    )?;
    rows.first().map(request).transpose()
}

fn request(row: &Row) -> Result<Request, StorageError> {
    Ok(Request {
        secret_hash: row.blob(0)?,
        requested: Requested {
            client_id: row.text(1)?,
            client_name: row.text(2)?,
            publisher: row.optional_text(3)?,
            scopes: Access::stored(&row.text(4)?),
            audience: row.text(5)?,
        },
        expires_ms: row.integer(6)?,
        interval_ms: row.integer(7)?,
        polled_ms: row.optional_integer(8)?,
        state: row.text(9)?,
        account: row.optional_text(10)?,
    })
}

#[cfg(test)]
mod tests;
