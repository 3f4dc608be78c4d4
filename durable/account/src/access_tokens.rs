//! Personal access tokens: made by hand for scripts and headless Blenders, shown once, known here by their hash.
//!
//! Each is a grant to `CLIENT`, so that revoking one reaches the bus as any revocation does.

use kernel::access::Access;
use kernel::ids::{Entropy, EntropyError, random_id};
use kernel::params;
use kernel::secrets::{hash, new_secret};
use kernel::storage::{Row, Sql, StorageError};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::grants::{ACCESS_TOKEN_CLIENT as CLIENT, Permission, revoke_of_client};

pub const DEFAULT_DAYS: i64 = 90;
pub const MAX_DAYS: i64 = 366;
pub const MAX_NAME_CHARACTERS: usize = 80;
pub const MAX_TOKENS: i64 = 100;
const DAY_MS: i64 = 86_400_000;
/// The last use is written at most this often.
const USE_NOTED_MS: i64 = 3_600_000;

/// The token to make. `audience` is the origin of the server that it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewToken {
    pub name: String,
    pub scopes: Access,
    pub days: i64,
    pub audience: String,
}

/// A live token as its owner sees it. Times in Unix milliseconds; the last use is exact to an hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    pub token_id: String,
    pub name: String,
    pub scopes: Access,
    pub created_ms: i64,
    pub expires_ms: i64,
    pub last_used_ms: Option<i64>,
    /// The client that made it, and with which it ends; `None` if the owner made it in the browser.
    #[serde(default)]
    pub made_by: Option<String>,
}

/// The client that makes a token: its grant, and what that says of it.
pub type Maker<'a> = (&'a str, &'a Permission);

/// What a token that was sent stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub token_id: String,
    /// What its owner calls it.
    pub name: String,
    pub scopes: Access,
    pub expires_ms: i64,
}

/// Why no token is made. The text is shown to the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    #[error("name must have 1 to {MAX_NAME_CHARACTERS} characters, none of them invisible")]
    Name,
    #[error("expires_in_days must be 1 to {MAX_DAYS}")]
    Days,
    #[error("scopes must name at least one of bus:read, bus:dispatch, peer")]
    Scopes,
    #[error("there are {MAX_TOKENS} access tokens, the most there may be: revoke one first")]
    TooMany,
}

#[derive(Debug, Error)]
pub enum TokenError {
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A client asks for it, and the owner has not agreed.
    #[error("the owner has not agreed to this access token")]
    NotApproved,
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// Makes a token; returns its secret and how it is listed.
pub fn create(
    sql: &dyn Sql,
    new: &NewToken,
    maker: Option<Maker<'_>>,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<(String, Listed), TokenError> {
    check(new)?;
    let live = sql.query(
        "SELECT count(*) FROM grants WHERE client_id = ? AND revoked_ms IS NULL AND expires_ms > ?",
        params![CLIENT, now_ms],
    )?;
    if live.first().map_or(Ok(0), |row| row.integer(0))? >= MAX_TOKENS {
        return Err(Refused::TooMany.into());
    }
    let expires_ms = now_ms.saturating_add(new.days.saturating_mul(DAY_MS));
    let permission = Permission {
        client_id: CLIENT.to_owned(),
        client_name: new.name.clone(),
        scopes: new.scopes.clone(),
        audience: new.audience.clone(),
    };
    let (secret, token_id) = keep::<TokenError>(sql, &permission, maker, (now_ms, expires_ms), entropy)?;
    let name = new.name.clone();
    let made_by = maker.map(|(_, client)| client.client_name.clone());
    let scopes = new.scopes.clone();
    Ok((secret, Listed { token_id, name, scopes, created_ms: now_ms, expires_ms, last_used_ms: None, made_by }))
}

/// Writes a token that somebody has made by hand, with the times at which that was and at which it ends. Returns its secret
/// and its id.
///
/// # Errors
/// If there is no database, or no randomness.
pub fn keep<E: From<StorageError> + From<EntropyError>>(
    sql: &dyn Sql,
    permission: &Permission,
    maker: Option<Maker<'_>>,
    (now_ms, expires_ms): (i64, i64),
    entropy: &mut dyn Entropy,
) -> Result<(String, String), E> {
    let token_id = random_id::<12>("g-", entropy)?;
    let secret = new_secret(entropy)?;
    // A token ends with its grant.
    sql.query("DELETE FROM access_tokens WHERE grant_id NOT IN (SELECT grant_id FROM grants)", &[])?;
    sql.query(
        "INSERT INTO grants (grant_id, client_id, client_name, scopes, audience, created_ms, used_ms, expires_ms,
         made_by, made_by_client) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            token_id.as_str(),
            permission.client_id.as_str(),
            permission.client_name.as_str(),
            permission.scopes.to_string(),
            permission.audience.as_str(),
            now_ms,
            // A last use before the token was made means that it was never used.
            now_ms.saturating_sub(1),
            expires_ms,
            maker.map(|(grant_id, _)| grant_id),
            maker.map(|(_, client)| client.client_id.as_str())
        ],
    )?;
    sql.query("INSERT INTO access_tokens (hash, grant_id) VALUES (?, ?)", params![hash(&secret), token_id.as_str()])?;
    Ok((secret, token_id))
}

/// Checks the name, the scopes and the lifetime of a token to be made.
pub fn check(new: &NewToken) -> Result<(), Refused> {
    if !is_name(&new.name) {
        return Err(Refused::Name);
    }
    if !(1..=MAX_DAYS).contains(&new.days) {
        return Err(Refused::Days);
    }
    if new.scopes.is_empty() { Err(Refused::Scopes) } else { Ok(()) }
}

/// Whether a token can be called this.
pub fn is_name(name: &str) -> bool {
    let shown = !name.trim().is_empty() && !name.chars().any(char::is_control);
    shown && name.chars().count() <= MAX_NAME_CHARACTERS
}

/// Returns what a token stands for, if it is live and issued for one of `audiences`, and notes that it was used.
pub fn find(sql: &dyn Sql, secret: &str, audiences: &[String], now_ms: i64) -> Result<Option<Held>, StorageError> {
    find_of(sql, (CLIENT, USE_NOTED_MS), secret, audiences, now_ms)
}

/// The same of a token of this kind, and how often its use is noted at most, in milliseconds.
///
/// # Errors
/// If there is no database.
pub fn find_of(
    sql: &dyn Sql,
    (client, noted_ms): (&str, i64),
    secret: &str,
    audiences: &[String],
    now_ms: i64,
) -> Result<Option<Held>, StorageError> {
    let rows = sql.query(
        "SELECT g.grant_id, g.scopes, g.expires_ms, g.audience, g.used_ms, g.client_name FROM access_tokens t
         JOIN grants g USING (grant_id)
         WHERE t.hash = ? AND g.client_id = ? AND g.revoked_ms IS NULL AND g.expires_ms > ?",
        params![hash(secret), client, now_ms],
    )?;
    let Some(row) = rows.first() else { return Ok(None) };
    if !audiences.contains(&row.text(3)?) {
        return Ok(None);
    }
    let token_id = row.text(0)?;
    if row.integer(4)?.saturating_add(noted_ms) <= now_ms || never_used(sql, &token_id)? {
        sql.query("UPDATE grants SET used_ms = ? WHERE grant_id = ?", params![now_ms, token_id.as_str()])?;
    }
    let (scopes, expires_ms, name) = (Access::stored(&row.text(1)?), row.integer(2)?, row.text(5)?);
    Ok(Some(Held { token_id, name, scopes, expires_ms }))
}

fn never_used(sql: &dyn Sql, token_id: &str) -> Result<bool, StorageError> {
    let rows = sql.query("SELECT 1 FROM grants WHERE grant_id = ? AND used_ms < created_ms", params![token_id])?;
    Ok(!rows.is_empty())
}

/// The live tokens, newest first.
pub fn list(sql: &dyn Sql, now_ms: i64) -> Result<Vec<Listed>, StorageError> {
    let rows = sql.query(
        "SELECT t.grant_id, t.client_name, t.scopes, t.created_ms, t.expires_ms, t.used_ms,
         CASE WHEN t.made_by IS NULL THEN NULL ELSE coalesce(m.client_name, '') END
         FROM grants t LEFT JOIN grants m ON m.grant_id = t.made_by
         WHERE t.client_id = ? AND t.revoked_ms IS NULL AND t.expires_ms > ? ORDER BY t.created_ms DESC, t.grant_id",
        params![CLIENT, now_ms],
    )?;
    rows.iter().map(listed).collect()
}

fn listed(row: &Row) -> Result<Listed, StorageError> {
    let (created_ms, used_ms) = (row.integer(3)?, row.integer(5)?);
    Ok(Listed {
        token_id: row.text(0)?,
        name: row.text(1)?,
        scopes: Access::stored(&row.text(2)?),
        created_ms,
        expires_ms: row.integer(4)?,
        last_used_ms: (used_ms >= created_ms).then_some(used_ms),
        made_by: row.optional_text(6)?,
    })
}

/// Revokes a token, for a client only one that it has made itself. Returns whether it was live.
pub fn revoke(sql: &dyn Sql, token_id: &str, client_id: Option<&str>, now_ms: i64) -> Result<bool, StorageError> {
    if let Some(client_id) = client_id {
        let own = "SELECT 1 FROM grants WHERE grant_id = ? AND made_by_client = ?";
        if sql.query(own, params![token_id, client_id])?.is_empty() {
            return Ok(false);
        }
    }
    Ok(!revoke_of_client(sql, token_id, CLIENT, now_ms)?.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{CLIENT, DAY_MS, MAX_DAYS, MAX_TOKENS, NewToken, Refused, TokenError, create, find, list, revoke};
    use crate::grants::Permission;
    use crate::grants::grant;
    use crate::grants::untold;
    use crate::testing::{Account, ORIGIN};
    use kernel::scopes::Scopes;
    use kernel::storage::Sql;

    impl Account {
        fn create(&mut self, new: &NewToken) -> Result<(String, String), TokenError> {
            create(&self.sql, new, None, 1, &mut self.entropy).map(|(secret, listed)| (secret, listed.token_id))
        }

        fn scopes(&self, secret: &str, now_ms: i64) -> Option<Scopes> {
            find(&self.sql, secret, &[ORIGIN.to_owned()], now_ms).unwrap().map(|held| held.scopes.set)
        }
    }

    fn new() -> NewToken {
        NewToken { name: "render farm".into(), scopes: Scopes::PEER.into(), days: 90, audience: ORIGIN.into() }
    }

    #[test]
    fn a_token_is_good_until_it_expires() {
        let mut account = Account::new();
        let (secret, _) = account.create(&new()).unwrap();
        assert_eq!(account.scopes(&secret, 90 * DAY_MS), Some(Scopes::PEER));
        assert_eq!(account.scopes(&secret, 1 + 90 * DAY_MS), None);
        assert_eq!(account.scopes("other", 2), None);
        assert_eq!(find(&account.sql, &secret, &["https://evil.example".into()], 2).unwrap(), None);
    }

    #[test]
    fn a_revoked_token_is_dead_at_once_and_owed_to_the_bus() {
        let mut account = Account::new();
        let (secret, token_id) = account.create(&new()).unwrap();
        assert!(revoke(&account.sql, &token_id, None, 2).unwrap());
        assert_eq!(account.scopes(&secret, 2), None);
        assert_eq!(untold(&account.sql).unwrap(), vec![token_id.clone()]);
        assert!(!revoke(&account.sql, &token_id, None, 3).unwrap() && list(&account.sql, 3).unwrap().is_empty());
    }

    #[test]
    fn a_grant_of_a_client_is_no_access_token() {
        let mut account = Account::new();
        let permission = Permission {
            client_id: "client".into(),
            client_name: String::new(),
            scopes: Scopes::ALL.into(),
            audience: ORIGIN.into(),
        };
        let (granted, _) = grant(&account.sql, &permission, 1, &mut account.entropy).unwrap();
        assert!(!revoke(&account.sql, &granted.grant_id, None, 2).unwrap());
        assert_eq!(account.scopes(&granted.refresh_token, 2), None);
        assert!(list(&account.sql, 2).unwrap().is_empty());
    }

    #[test]
    fn the_last_use_is_noted_once_an_hour() {
        let mut account = Account::new();
        let (secret, _) = account.create(&new()).unwrap();
        let last_used = |account: &Account| list(&account.sql, 5).unwrap()[0].last_used_ms;
        assert_eq!(last_used(&account), None);
        for (now_ms, noted) in [(1, 1), (2, 1), (3_600_000, 1), (3_600_001, 3_600_001)] {
            account.scopes(&secret, now_ms).unwrap();
            assert_eq!(last_used(&account), Some(noted), "{now_ms}");
        }
    }

    #[test]
    fn a_senseless_token_is_not_made() {
        let mut account = Account::new();
        for (wrong, reason) in [
            (NewToken { name: " ".into(), ..new() }, Refused::Name),
            (NewToken { name: "a\nb".into(), ..new() }, Refused::Name),
            (NewToken { name: "x".repeat(81), ..new() }, Refused::Name),
            (NewToken { days: 0, ..new() }, Refused::Days),
            (NewToken { days: MAX_DAYS + 1, ..new() }, Refused::Days),
            (NewToken { scopes: Scopes::NONE.into(), ..new() }, Refused::Scopes),
        ] {
            assert!(matches!(account.create(&wrong), Err(TokenError::Refused(refused)) if refused == reason));
        }
    }

    #[test]
    fn there_are_only_so_many_tokens_and_other_grants_displace_none() {
        let mut account = Account::new();
        let tokens: Vec<_> = (0..MAX_TOKENS).map(|_| account.create(&new()).unwrap()).collect();
        assert!(matches!(account.create(&new()), Err(TokenError::Refused(Refused::TooMany))));
        let permission = Permission {
            client_id: "client".into(),
            client_name: String::new(),
            scopes: Scopes::ALL.into(),
            audience: ORIGIN.into(),
        };
        for _ in 0..1001 {
            grant(&account.sql, &permission, 5, &mut account.entropy).unwrap();
        }
        assert!(tokens.iter().all(|(secret, _)| account.scopes(secret, 6).is_some()));
        assert_eq!(list(&account.sql, 6).unwrap().len(), 100);
    }

    #[test]
    fn only_the_hash_of_a_token_is_stored() {
        let mut account = Account::new();
        let (secret, _) = account.create(&new()).unwrap();
        for table in ["access_tokens", "grants"] {
            let rows = account.sql.query(&format!("SELECT * FROM {table}"), &[]).unwrap();
            assert!(format!("{rows:?}").contains(CLIENT) || table == "access_tokens");
            assert!(!rows.is_empty() && !format!("{rows:?}").contains(secret.as_str()), "{table}");
        }
    }
}
