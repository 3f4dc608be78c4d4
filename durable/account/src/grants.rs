//! Grants: what a user has allowed one client, and the refresh tokens that stand for it.
//!
//! A refresh token is replaced whenever it is used (OAuth 2.1 section 4.3.1). Its states:
//!
//! - live: rotates the grant. At most two are live at once, see grace.
//! - spent: was rotated. Within `GRACE_MS`, once, it gives a further live token, since the first reply may have been lost;
//!   the first use of either one retires the other.
//! - retired: its sibling was used, or its successor was.
//!
//! A spent token outside its grace, or a retired one, shows that two parties hold the grant: it is revoked.

use std::collections::BTreeMap;

use kernel::access::Access;
use kernel::ids::{Entropy, EntropyError, random_id};
use kernel::params;
use kernel::secrets::{hash, new_secret};
use kernel::storage::{Row, Sql, StorageError, Value};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The client of grants that are access tokens made by hand; it exists nowhere else.
pub const ACCESS_TOKEN_CLIENT: &str = "urn:blender-bus:access-token";
/// The client of grants that are share links; it exists nowhere else.
pub const SHARE_CLIENT: &str = "urn:blender-bus:share";
pub const REFRESH_LIFETIME_MS: i64 = 30 * DAY_MS;
pub const GRACE_MS: i64 = 60_000;
/// No access token outlives this; a revoked grant is remembered for longer.
const REVOKED_KEPT_MS: i64 = 2 * DAY_MS;
const DAY_MS: i64 = 86_400_000;
const MAX_GRANTS: i64 = 1000;
/// Used tokens of one grant that are remembered; an older one is merely unknown.
const MAX_USED_TOKENS: i64 = 256;

/// Why a code or token was not accepted. For logs; the client is told `invalid_grant` in nearly all cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    #[error("unknown")]
    Unknown,
    #[error("expired")]
    Expired,
    #[error("the grant was revoked")]
    Revoked,
    #[error("used a second time; the grant is revoked now")]
    Reused,
    #[error("issued to another client")]
    WrongClient,
    #[error("issued for another redirect_uri")]
    WrongRedirect,
    #[error("code_verifier does not match")]
    WrongVerifier,
    #[error("issued for another server")]
    WrongAudience,
    #[error("asks for a scope that was not granted")]
    ScopeExceeded,
}

#[derive(Debug, Error)]
pub enum GrantError {
    /// `revoked` names the grants that this use has revoked. The bus must be told of them.
    #[error("refused: {reason}")]
    Refused { reason: Refusal, revoked: Vec<String> },
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

impl From<Refusal> for GrantError {
    fn from(reason: Refusal) -> Self {
        Self::Refused { reason, revoked: Vec::new() }
    }
}

/// Who is allowed what: the client, the scopes, and the origin of the server that the tokens are for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    pub client_id: String,
    pub client_name: String,
    pub scopes: Access,
    pub audience: String,
}

/// Tokens to be issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    pub grant_id: String,
    /// When the user allowed it. Unix milliseconds.
    pub granted_ms: i64,
    pub client_id: String,
    /// Of the access token; the grant may hold more.
    pub scopes: Access,
    pub audience: String,
    /// The secret part only.
    pub refresh_token: String,
}

/// A client's attempt to turn a refresh token into new tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    pub token: String,
    pub client_id: String,
    /// Fewer scopes than were granted, for the new access token alone.
    pub scopes: Option<Access>,
    pub audiences: Vec<String>,
}

/// Makes a grant with its first refresh token, and names the grants that had to go to make room.
pub fn grant(
    sql: &dyn Sql,
    permission: &Permission,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<(Granted, Vec<String>), GrantError> {
    let grant_id = random_id::<12>("g-", entropy)?;
    let refresh_token = new_secret(entropy)?;
    prune(sql, now_ms)?;
    let displaced = make_room(sql, now_ms)?;
    sql.query(
        "INSERT INTO grants (grant_id, client_id, client_name, scopes, audience, created_ms, used_ms, expires_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            grant_id.as_str(),
            permission.client_id.as_str(),
            permission.client_name.as_str(),
            permission.scopes.to_string(),
            permission.audience.as_str(),
            now_ms,
            now_ms,
            now_ms.saturating_add(REFRESH_LIFETIME_MS)
        ],
    )?;
    insert_token(sql, &grant_id, &refresh_token, now_ms)?;
    let granted = Granted {
        grant_id,
        granted_ms: now_ms,
        client_id: permission.client_id.clone(),
        scopes: permission.scopes.clone(),
        audience: permission.audience.clone(),
        refresh_token,
    };
    Ok((granted, displaced))
}

/// Rotates a refresh token.
pub fn refresh(
    sql: &dyn Sql,
    request: &Refresh,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<Granted, GrantError> {
    let token_hash = hash(&request.token);
    let token = find_token(sql, &token_hash)?.ok_or(Refusal::Unknown)?;
    if token.revoked {
        return Err(Refusal::Revoked.into());
    }
    if token.expires_ms <= now_ms {
        return Err(Refusal::Expired.into());
    }
    if !token.usable(now_ms) {
        let revoked = revoke(sql, &token.grant_id, now_ms)?;
        return Err(GrantError::Refused { reason: Refusal::Reused, revoked });
    }
    if token.permission.client_id != request.client_id {
        return Err(Refusal::WrongClient.into());
    }
    if !request.audiences.contains(&token.permission.audience) {
        return Err(Refusal::WrongAudience.into());
    }
    let asks_for_nothing = request.scopes.as_ref().is_some_and(|scopes| *scopes == Access::default());
    let scopes = request.scopes.clone().unwrap_or_default().within(&token.permission.scopes);
    if asks_for_nothing || !token.permission.scopes.covers(&scopes) {
        return Err(Refusal::ScopeExceeded.into());
    }
    let refresh_token = new_secret(entropy)?;
    rotate(sql, &token, token_hash, &refresh_token, now_ms)?;
    Ok(Granted {
        grant_id: token.grant_id,
        granted_ms: token.created_ms,
        client_id: token.permission.client_id,
        scopes,
        audience: token.permission.audience,
        refresh_token,
    })
}

/// Revokes the grant of a refresh token, if that client holds it. Names what was live until then.
pub fn revoke_token(sql: &dyn Sql, token: &str, client_id: &str, now_ms: i64) -> Result<Vec<String>, StorageError> {
    match find_token(sql, &hash(token))? {
        Some(token) if token.permission.client_id == client_id => revoke(sql, &token.grant_id, now_ms),
        _ => Ok(Vec::new()),
    }
}

/// Revokes a grant if that client holds it. Names what was live until then.
pub fn revoke_of_client(
    sql: &dyn Sql,
    grant_id: &str,
    client_id: &str,
    now_ms: i64,
) -> Result<Vec<String>, StorageError> {
    let held = sql.query("SELECT 1 FROM grants WHERE grant_id = ? AND client_id = ?", params![grant_id, client_id])?;
    if held.is_empty() { Ok(Vec::new()) } else { revoke(sql, grant_id, now_ms) }
}

/// What a client holds by a grant, unless it was revoked or has ended.
pub fn held(sql: &dyn Sql, grant_id: &str, now_ms: i64) -> Result<Option<Permission>, StorageError> {
    let rows = sql.query(
        "SELECT client_id, client_name, scopes, audience FROM grants
         WHERE grant_id = ? AND revoked_ms IS NULL AND expires_ms > ?",
        params![grant_id, now_ms],
    )?;
    rows.first().map(permission).transpose()
}

/// What the clients and access tokens behind grants are called, as far as they are still known. Revoked ones are for two days.
pub fn names(sql: &dyn Sql, grant_ids: &[String]) -> Result<BTreeMap<String, String>, StorageError> {
    let mut names = BTreeMap::new();
    for grant_id in grant_ids {
        let rows = sql.query("SELECT client_name FROM grants WHERE grant_id = ?", params![grant_id.as_str()])?;
        if let Some(row) = rows.first() {
            names.insert(grant_id.clone(), row.text(0)?);
        }
    }
    Ok(names)
}

/// The client that holds a grant, unless it was revoked.
pub fn client_of(sql: &dyn Sql, grant_id: &str) -> Result<Option<String>, StorageError> {
    let rows =
        sql.query("SELECT client_id FROM grants WHERE grant_id = ? AND revoked_ms IS NULL", params![grant_id])?;
    rows.first().map(|row| row.text(0)).transpose()
}

/// Revokes a grant, and the access tokens that its client has made with it. Names what was live until then.
pub fn revoke(sql: &dyn Sql, grant_id: &str, now_ms: i64) -> Result<Vec<String>, StorageError> {
    let rows = sql.query(
        "UPDATE grants SET revoked_ms = ?1 WHERE (grant_id = ?2 OR made_by = ?2) AND revoked_ms IS NULL
         RETURNING grant_id",
        params![now_ms, grant_id],
    )?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// Revokes every grant; names those that were live.
pub fn revoke_all(sql: &dyn Sql, now_ms: i64) -> Result<Vec<String>, StorageError> {
    let rows =
        sql.query("UPDATE grants SET revoked_ms = ? WHERE revoked_ms IS NULL RETURNING grant_id", params![now_ms])?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// Revokes every grant of a client, and every access token that it has made; names those that were live.
pub fn revoke_all_of(sql: &dyn Sql, client_id: &str, now_ms: i64) -> Result<Vec<String>, StorageError> {
    let rows = sql.query(
        "UPDATE grants SET revoked_ms = ?1 WHERE (client_id = ?2 OR made_by_client = ?2) AND revoked_ms IS NULL
         RETURNING grant_id",
        params![now_ms, client_id],
    )?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// The revoked grants of which the bus has not been told.
pub fn untold(sql: &dyn Sql) -> Result<Vec<String>, StorageError> {
    let rows = sql.query("SELECT grant_id FROM grants WHERE revoked_ms IS NOT NULL AND bus_told = 0", &[])?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// The bus has been told.
pub fn told(sql: &dyn Sql, grant_id: &str) -> Result<(), StorageError> {
    sql.query("UPDATE grants SET bus_told = 1 WHERE grant_id = ?", params![grant_id]).map(|_| ())
}

/// Whether a client is none, but stands for what the owner has made by hand: access tokens and share links.
pub fn is_made_by_hand(client_id: &str) -> bool {
    [ACCESS_TOKEN_CLIENT, SHARE_CLIENT].contains(&client_id)
}

/// Drops what can no longer matter: grants past their end, and revoked ones once no access token of theirs can live.
fn prune(sql: &dyn Sql, now_ms: i64) -> Result<(), StorageError> {
    let kept_since = now_ms.saturating_sub(REVOKED_KEPT_MS);
    let over = "(revoked_ms IS NULL AND expires_ms < ?1) OR (bus_told = 1 AND revoked_ms < ?1)";
    sql.query(
        &format!("DELETE FROM refresh_tokens WHERE grant_id IN (SELECT grant_id FROM grants WHERE {over})"),
        params![kept_since],
    )?;
    sql.query(&format!("DELETE FROM grants WHERE {over}"), params![kept_since])?;
    Ok(())
}

/// Revokes the grants that were used least recently, where an account holds as many as it may. Access tokens and
/// share links have limits of their own, and go with the grant that made them.
fn make_room(sql: &dyn Sql, now_ms: i64) -> Result<Vec<String>, StorageError> {
    let rows = sql.query(
        "WITH oldest AS (SELECT grant_id FROM grants WHERE revoked_ms IS NULL AND client_id NOT IN (?2, ?3)
         ORDER BY used_ms DESC LIMIT -1 OFFSET ?4)
         UPDATE grants SET revoked_ms = ?1 WHERE revoked_ms IS NULL
         AND (grant_id IN (SELECT grant_id FROM oldest) OR made_by IN (SELECT grant_id FROM oldest))
         RETURNING grant_id",
        params![now_ms, ACCESS_TOKEN_CLIENT, SHARE_CLIENT, MAX_GRANTS.saturating_sub(1)],
    )?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// A stored refresh token with the grant it stands for.
struct Token {
    grant_id: String,
    created_ms: i64,
    permission: Permission,
    state: String,
    spent_ms: Option<i64>,
    expires_ms: i64,
    revoked: bool,
}

impl Token {
    /// Live, or spent and still in its grace.
    fn usable(&self, now_ms: i64) -> bool {
        match self.state.as_str() {
            "live" => true,
            "spent" => self.spent_ms.is_some_and(|spent| now_ms.saturating_sub(spent) <= GRACE_MS),
            _ => false,
        }
    }
}

fn find_token(sql: &dyn Sql, token_hash: &[u8]) -> Result<Option<Token>, StorageError> {
    let rows = sql.query(
        "SELECT g.client_id, g.client_name, g.scopes, g.audience, g.grant_id, t.state, t.spent_ms, g.expires_ms,
         g.revoked_ms, g.created_ms FROM refresh_tokens t JOIN grants g USING (grant_id) WHERE t.hash = ?",
        &[Value::Blob(token_hash.to_vec())],
    )?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Token {
        permission: permission(row)?,
        grant_id: row.text(4)?,
        state: row.text(5)?,
        spent_ms: row.optional_integer(6)?,
        expires_ms: row.integer(7)?,
        revoked: row.optional_integer(8)?.is_some(),
        created_ms: row.integer(9)?,
    }))
}

/// The first four columns: client_id, client_name, scopes, audience.
pub(crate) fn permission(row: &Row) -> Result<Permission, StorageError> {
    Ok(Permission {
        client_id: row.text(0)?,
        client_name: row.text(1)?,
        scopes: Access::stored(&row.text(2)?),
        audience: row.text(3)?,
    })
}

fn rotate(sql: &dyn Sql, token: &Token, token_hash: Vec<u8>, successor: &str, now_ms: i64) -> Result<(), StorageError> {
    let grant_id = token.grant_id.as_str();
    if token.state == "live" {
        sql.query(
            "UPDATE refresh_tokens SET state = 'retired' WHERE grant_id = ? AND state <> 'retired'",
            params![grant_id],
        )?;
        sql.query(
            "UPDATE refresh_tokens SET state = 'spent', spent_ms = ? WHERE hash = ?",
            params![now_ms, token_hash],
        )?;
    } else {
        // The grace is used up: a third use of the token is a reuse.
        sql.query("UPDATE refresh_tokens SET spent_ms = NULL WHERE hash = ?", params![token_hash])?;
    }
    insert_token(sql, grant_id, successor, now_ms)?;
    sql.query(
        "UPDATE grants SET used_ms = ?, expires_ms = ? WHERE grant_id = ?",
        params![now_ms, now_ms.saturating_add(REFRESH_LIFETIME_MS), grant_id],
    )?;
    sql.query(
        "DELETE FROM refresh_tokens WHERE hash IN (SELECT hash FROM refresh_tokens
         WHERE grant_id = ? AND state = 'retired' ORDER BY issued_ms DESC LIMIT -1 OFFSET ?)",
        params![grant_id, MAX_USED_TOKENS],
    )?;
    Ok(())
}

fn insert_token(sql: &dyn Sql, grant_id: &str, secret: &str, now_ms: i64) -> Result<(), StorageError> {
    sql.query(
        "INSERT INTO refresh_tokens (hash, grant_id, issued_ms, state) VALUES (?, ?, ?, 'live')",
        params![hash(secret), grant_id, now_ms],
    )
    .map(|_| ())
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
