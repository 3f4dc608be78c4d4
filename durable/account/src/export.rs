//! What an account holds of its owner, for a download. No secret and no hash of one is part of it.

use kernel::access::Access;
use kernel::params;
use kernel::storage::{Row, Sql, StorageError};
use serde::{Deserialize, Serialize};

use crate::access_tokens::{self, Listed};
use crate::audit::{self, Entry};
use crate::consents::{self, Allowed};
use crate::passwords;

/// Grants that are listed, those used last. There are at most 1,000 live ones; the rest were revoked within two days.
const MAX_GRANTS: i64 = 2_000;

/// Times are Unix milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    pub account: Standing,
    /// Clients that hold a grant or a remembered consent.
    pub allowed_clients: Vec<Allowed>,
    pub grants: Vec<ListedGrant>,
    /// Live access tokens, by name.
    pub access_tokens: Vec<Listed>,
    pub audit: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub user_id: String,
    pub username: String,
    /// What a provider calls its user.
    pub display_name: Option<String>,
    pub created_ms: i64,
    pub is_administrator: bool,
    pub has_password: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedGrant {
    pub grant_id: String,
    pub client_id: String,
    pub client_name: String,
    pub scopes: Access,
    pub audience: String,
    pub created_ms: i64,
    /// None where it was not used since it was made.
    pub used_ms: Option<i64>,
    pub expires_ms: i64,
    pub revoked_ms: Option<i64>,
}

/// All of it; none where there is no account.
pub fn read(sql: &dyn Sql, now_ms: i64) -> Result<Option<Exported>, StorageError> {
    let Some(account) = standing(sql)? else { return Ok(None) };
    Ok(Some(Exported {
        account,
        allowed_clients: consents::allowed(sql, now_ms)?,
        grants: grants(sql)?,
        access_tokens: access_tokens::list(sql, now_ms)?,
        audit: audit::list(sql, now_ms)?,
    }))
}

fn standing(sql: &dyn Sql) -> Result<Option<Standing>, StorageError> {
    let rows = sql.query("SELECT user_id, username, display_name, created_ms, admin FROM account", &[])?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Standing {
        user_id: row.text(0)?,
        username: row.text(1)?,
        display_name: row.optional_text(2)?,
        created_ms: row.integer(3)?,
        is_administrator: row.boolean(4)?,
        has_password: passwords::is_set(sql)?,
    }))
}

fn grants(sql: &dyn Sql) -> Result<Vec<ListedGrant>, StorageError> {
    let rows = sql.query(
        "SELECT grant_id, client_id, client_name, scopes, audience, created_ms, used_ms, expires_ms, revoked_ms
         FROM grants ORDER BY used_ms DESC LIMIT ?",
        params![MAX_GRANTS],
    )?;
    rows.iter().map(grant).collect()
}

fn grant(row: &Row) -> Result<ListedGrant, StorageError> {
    let (created_ms, used_ms) = (row.integer(5)?, row.integer(6)?);
    Ok(ListedGrant {
        grant_id: row.text(0)?,
        client_id: row.text(1)?,
        client_name: row.text(2)?,
        scopes: Access::stored(&row.text(3)?),
        audience: row.text(4)?,
        created_ms,
        used_ms: (used_ms > created_ms).then_some(used_ms),
        expires_ms: row.integer(7)?,
        revoked_ms: row.optional_integer(8)?,
    })
}
