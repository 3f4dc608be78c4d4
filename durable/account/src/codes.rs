//! Authorization codes. A code works once (OAuth 2.1 section 4.1.3): a second use revokes what the first gave.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::ids::Entropy;
use kernel::params;
use kernel::secrets::{hash, new_secret, proves};
use kernel::storage::{Sql, StorageError};
use serde::{Deserialize, Serialize};

use crate::grants::{GrantError, Granted, Permission, Refusal, grant, permission, revoke};

pub const LIFETIME_MS: i64 = 60_000;
/// How long a code is remembered, so that its replay is noticed.
const KEPT_MS: i64 = 86_400_000;
const MAX_CODES: i64 = 100;

/// What an authorization code is bound to beside its permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeBinding {
    pub redirect_uri: String,
    pub code_challenge: String,
}

/// A client's attempt to turn a code into tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    pub code: String,
    pub client_id: String,
    /// Checked when sent; PKCE binds the code in any case (OAuth 2.1 section 4.1.3).
    pub redirect_uri: Option<String>,
    pub code_verifier: String,
    /// The origins that count as the server the request came to.
    pub audiences: Vec<String>,
}

/// Issues a code; returns its secret.
pub fn issue(
    sql: &dyn Sql,
    permission: &Permission,
    binding: &CodeBinding,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<String, GrantError> {
    let secret = new_secret(entropy)?;
    insert(sql, hash(&secret), permission, binding, (now_ms, LIFETIME_MS))?;
    Ok(secret)
}

/// Makes an authorization code of the secret that a device already holds. The secret is its own PKCE verifier, and no
/// redirect URI is involved. `times` are now and the lifetime, in milliseconds.
pub fn issue_to_device(
    sql: &dyn Sql,
    permission: &Permission,
    secret_hash: &str,
    times: (i64, i64),
) -> Result<(), StorageError> {
    let Ok(hash) = URL_SAFE_NO_PAD.decode(secret_hash) else { return Ok(()) };
    let binding = CodeBinding { redirect_uri: String::new(), code_challenge: secret_hash.to_owned() };
    insert(sql, hash, permission, &binding, times)
}

fn insert(
    sql: &dyn Sql,
    hash: Vec<u8>,
    permission: &Permission,
    binding: &CodeBinding,
    (now_ms, lifetime_ms): (i64, i64),
) -> Result<(), StorageError> {
    sql.query("DELETE FROM codes WHERE issued_ms < ?", params![now_ms.saturating_sub(KEPT_MS)])?;
    sql.query(
        "DELETE FROM codes WHERE hash IN (SELECT hash FROM codes ORDER BY issued_ms DESC LIMIT -1 OFFSET ?)",
        params![MAX_CODES.saturating_sub(1)],
    )?;
    sql.query(
        "INSERT INTO codes (hash, client_id, client_name, redirect_uri, code_challenge, scopes, audience, issued_ms,
         expires_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            hash,
            permission.client_id.as_str(),
            permission.client_name.as_str(),
            binding.redirect_uri.as_str(),
            binding.code_challenge.as_str(),
            permission.scopes.to_string(),
            permission.audience.as_str(),
            now_ms,
            now_ms.saturating_add(lifetime_ms)
        ],
    )?;
    Ok(())
}

/// Invalidates codes that were not yet redeemed: those of one client, or all.
pub fn forget_unused(sql: &dyn Sql, client_id: Option<&str>) -> Result<(), StorageError> {
    sql.query("DELETE FROM codes WHERE grant_id IS NULL AND (?1 IS NULL OR client_id = ?1)", params![client_id])
        .map(|_| ())
}

/// Turns a code into a grant.
pub fn exchange(
    sql: &dyn Sql,
    request: &Exchange,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<(Granted, Vec<String>), GrantError> {
    let code_hash = hash(&request.code);
    let rows = sql.query(
        "SELECT client_id, client_name, scopes, audience, redirect_uri, code_challenge, expires_ms, grant_id
         FROM codes WHERE hash = ?",
        params![code_hash.clone()],
    )?;
    let row = rows.first().ok_or(Refusal::Unknown)?;
    if let Some(grant_id) = row.optional_text(7)? {
        let revoked = revoke(sql, &grant_id, now_ms)?;
        return Err(GrantError::Refused { reason: Refusal::Reused, revoked });
    }
    let permission = permission(row)?;
    if row.integer(6)? <= now_ms {
        return Err(Refusal::Expired.into());
    }
    if permission.client_id != request.client_id {
        return Err(Refusal::WrongClient.into());
    }
    if request.redirect_uri.as_ref().is_some_and(|uri| row.text(4).ok().as_ref() != Some(uri)) {
        return Err(Refusal::WrongRedirect.into());
    }
    if !request.audiences.contains(&permission.audience) {
        return Err(Refusal::WrongAudience.into());
    }
    if !proves(&request.code_verifier, &row.text(5)?) {
        return Err(Refusal::WrongVerifier.into());
    }
    let (granted, displaced) = grant(sql, &permission, now_ms, entropy)?;
    sql.query("UPDATE codes SET grant_id = ? WHERE hash = ?", params![granted.grant_id.as_str(), code_hash])?;
    Ok((granted, displaced))
}
