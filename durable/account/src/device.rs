//! One sign-in of a device without a browser (RFC 8628): who asks, for what, and the decision.
//!
//! Strangers make these, so each holds one row and expires. What the device gets in the end is an authorization code of
//! the account that allowed it. The code's secret is the device's own, so reading this row gives nobody access.

use kernel::access::Access;
use kernel::ids::{Entropy, EntropyError};
use kernel::migrate::migrate;
use kernel::params;
use kernel::secrets::{encoded_hash, hash, new_secret};
use kernel::storage::{Row, Sql, StorageError};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::schema::DEVICE;

pub const LIFETIME_MS: i64 = 600_000;
/// How long a device waits between two questions, and how much longer after it has not (RFC 8628 section 3.5).
pub const INTERVAL_MS: i64 = 5_000;
/// A question may have been faster on its way than the one before.
const JITTER_MS: i64 = 500;
/// No vowels, so no words, and nothing that looks like a digit (RFC 8628 section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const CODE_LETTERS: usize = 8;

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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Command {
    Begin {
        requested: Requested,
    },
    /// What there is to decide on.
    Look,
    /// `account`: the route of the account that allows it; nothing if it does not.
    Decide {
        account: Option<String>,
    },
    /// The device asks.
    Poll {
        secret: String,
        client_id: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
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

pub fn handle(sql: &dyn Sql, command: Command, now_ms: i64, entropy: &mut dyn Entropy) -> Result<Reply, DeviceError> {
    let request = find(sql)?.filter(|request| now_ms < request.expires_ms);
    let Some(request) = request else {
        return match command {
            Command::Begin { requested } => begin(sql, &requested, now_ms, entropy),
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
            sql.query("UPDATE request SET state = ?, account = ?", params![state, account])?;
            Ok(Reply::Done)
        }
        Command::Poll { secret, client_id } => {
            if hash(&secret) != request.secret_hash || client_id != request.requested.client_id {
                return Ok(Reply::Refused);
            }
            Ok(poll(sql, request, now_ms)?)
        }
    }
}

/// When the object may forget all of it.
pub fn ends_ms(sql: &dyn Sql) -> Result<Option<i64>, StorageError> {
    Ok(find(sql)?.map(|request| request.expires_ms))
}

fn begin(sql: &dyn Sql, requested: &Requested, now_ms: i64, entropy: &mut dyn Entropy) -> Result<Reply, DeviceError> {
    let secret = new_secret(entropy)?;
    migrate(sql, DEVICE)?;
    sql.query(
        "INSERT OR REPLACE INTO request (one, secret_hash, client_id, client_name, publisher, scopes, audience,
         expires_ms, interval_ms, state) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, 'pending')",
        params![
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

fn poll(sql: &dyn Sql, request: Request, now_ms: i64) -> Result<Reply, StorageError> {
    match (request.state.as_str(), request.account) {
        ("allowed", Some(account)) => {
            sql.query("UPDATE request SET state = 'used', account = NULL", &[])?;
            Ok(Reply::Allowed { account })
        }
        ("denied", _) => Ok(Reply::Denied),
        ("pending", _) => {
            let patience = request.interval_ms.saturating_sub(JITTER_MS);
            let hurried = request.polled_ms.is_some_and(|polled| now_ms.saturating_sub(polled) < patience);
            let interval_ms = request.interval_ms.saturating_add(if hurried { INTERVAL_MS } else { 0 });
            sql.query("UPDATE request SET polled_ms = ?, interval_ms = ?", params![now_ms, interval_ms])?;
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

fn find(sql: &dyn Sql) -> Result<Option<Request>, StorageError> {
    // Ask the schema catalog first: a guess at a code that does not exist stores nothing.
    if sql.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'request'", &[])?.is_empty() {
        return Ok(None);
    }
    let rows = sql.query(
        "SELECT secret_hash, client_id, client_name, publisher, scopes, audience, expires_ms, interval_ms, polled_ms,
         state, account FROM request",
        &[],
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
