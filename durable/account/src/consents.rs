//! Remembered consents: a client at one redirect URI, for one server, with exactly these scopes, need not be asked
//! about again.
//!
//! The edge decides whether a consent may be remembered, because it knows whether the redirect URI identifies the
//! client (RFC 8252 section 8.6).

use kernel::access::Access;
use kernel::params;
use kernel::storage::{Row, Sql, StorageError};
use serde::{Deserialize, Serialize};

use crate::grants::{self, Permission};

/// A consent that was not used for this long is forgotten.
const LIFETIME_MS: i64 = 90 * 86_400_000;
const MAX_CONSENTS: i64 = 100;
const MAX_LISTED: usize = 200;

/// On what an authorization code is issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// The owner has just agreed.
    Now,
    /// The same, and is not to be asked again.
    NowAndLater,
    /// The owner has agreed before, to no less.
    Before,
}

/// A client that holds a grant or a remembered consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowed {
    pub client_id: String,
    pub client_name: String,
    pub scopes: Access,
    pub since_ms: i64,
    pub used_ms: i64,
    /// Its consent is remembered.
    pub remembered: bool,
}

/// Whether there is consent. Stores it where it is to be remembered.
pub fn is_given(
    sql: &dyn Sql,
    consent: Consent,
    permission: &Permission,
    redirect_uri: &str,
    now_ms: i64,
) -> Result<bool, StorageError> {
    match consent {
        Consent::Now => Ok(true),
        Consent::NowAndLater => remember(sql, permission, redirect_uri, now_ms).map(|()| true),
        Consent::Before => was_given(sql, permission, redirect_uri, now_ms),
    }
}

fn was_given(sql: &dyn Sql, permission: &Permission, redirect_uri: &str, now_ms: i64) -> Result<bool, StorageError> {
    let covered = scopes_of(sql, permission, redirect_uri, now_ms)?
        .is_some_and(|scopes| !permission.scopes.is_empty() && scopes.covers(&permission.scopes));
    if covered {
        sql.query(
            "UPDATE consents SET used_ms = ? WHERE client_id = ? AND redirect_uri = ? AND audience = ?",
            params![now_ms, permission.client_id.as_str(), redirect_uri, permission.audience.as_str()],
        )?;
    }
    Ok(covered)
}

fn scopes_of(
    sql: &dyn Sql,
    permission: &Permission,
    redirect_uri: &str,
    now_ms: i64,
) -> Result<Option<Access>, StorageError> {
    let rows = sql.query(
        "SELECT scopes FROM consents WHERE client_id = ? AND redirect_uri = ? AND audience = ? AND used_ms > ?",
        params![
            permission.client_id.as_str(),
            redirect_uri,
            permission.audience.as_str(),
            now_ms.saturating_sub(LIFETIME_MS)
        ],
    )?;
    rows.first().map(|row| Ok(Access::stored(&row.text(0)?))).transpose()
}

/// Scopes that were consented to before are kept, if they were bound to the same Blenders.
fn remember(sql: &dyn Sql, permission: &Permission, redirect_uri: &str, now_ms: i64) -> Result<(), StorageError> {
    let before = scopes_of(sql, permission, redirect_uri, now_ms)?;
    let scopes = match before {
        Some(before) if before.bound == permission.scopes.bound => before.joined(&permission.scopes),
        _ => permission.scopes.clone(),
    };
    sql.query("DELETE FROM consents WHERE used_ms <= ?", params![now_ms.saturating_sub(LIFETIME_MS)])?;
    sql.query(
        "INSERT INTO consents (client_id, redirect_uri, audience, client_name, scopes, given_ms, used_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT DO UPDATE SET client_name = ?4, scopes = ?5, used_ms = ?6",
        params![
            permission.client_id.as_str(),
            redirect_uri,
            permission.audience.as_str(),
            permission.client_name.as_str(),
            scopes.to_string(),
            now_ms
        ],
    )?;
    sql.query(
        "DELETE FROM consents WHERE (client_id, redirect_uri, audience) IN (SELECT client_id, redirect_uri, audience
         FROM consents ORDER BY used_ms DESC LIMIT -1 OFFSET ?)",
        params![MAX_CONSENTS],
    )?;
    Ok(())
}

/// Forgets the consent of a client, so that the owner is asked again.
pub fn forget(sql: &dyn Sql, client_id: &str) -> Result<(), StorageError> {
    sql.query("DELETE FROM consents WHERE client_id = ?", params![client_id]).map(|_| ())
}

pub fn forget_all(sql: &dyn Sql) -> Result<(), StorageError> {
    sql.query("DELETE FROM consents", &[]).map(|_| ())
}

/// Every client that holds a grant or a remembered consent, the one used last first. Personal access tokens are no clients.
pub fn allowed(sql: &dyn Sql, now_ms: i64) -> Result<Vec<Allowed>, StorageError> {
    let rows = sql.query(
        "SELECT client_id, client_name, scopes, given_ms AS since_ms, used_ms, 1 FROM consents WHERE used_ms > ?1
         UNION ALL
         SELECT client_id, client_name, scopes, created_ms, used_ms, 0 FROM grants
         WHERE revoked_ms IS NULL AND expires_ms > ?2 AND client_id NOT IN (?3, ?4) ORDER BY used_ms DESC",
        params![now_ms.saturating_sub(LIFETIME_MS), now_ms, grants::ACCESS_TOKEN_CLIENT, grants::SHARE_CLIENT],
    )?;
    let mut found: Vec<Allowed> = Vec::new();
    for row in &rows {
        let next = entry(row)?;
        let has_room = found.len() < MAX_LISTED;
        match found.iter_mut().find(|client| client.client_id == next.client_id) {
            Some(client) => {
                client.scopes = client.scopes.joined(&next.scopes);
                client.since_ms = client.since_ms.min(next.since_ms);
                client.remembered |= next.remembered;
            }
            None if has_room => found.push(next),
            None => {}
        }
    }
    Ok(found)
}

fn entry(row: &Row) -> Result<Allowed, StorageError> {
    Ok(Allowed {
        client_id: row.text(0)?,
        client_name: row.text(1)?,
        scopes: Access::stored(&row.text(2)?),
        since_ms: row.integer(3)?,
        used_ms: row.integer(4)?,
        remembered: row.boolean(5)?,
    })
}

#[cfg(test)]
mod tests {
    use super::Consent::{Before, Now, NowAndLater};
    use super::{Consent, LIFETIME_MS, MAX_CONSENTS, allowed, forget, forget_all, is_given};
    use crate::grants::Permission;
    use crate::grants::grant;
    use crate::grants::revoke;
    use crate::schema::ACCOUNT;
    use kernel::migrate::migrate;
    use kernel::scopes::Scopes;
    use kernel::storage::Sql;
    use kernel::testing::Counter;
    use kernel::testing::Memory;

    const REDIRECT: &str = "https://app.example/cb";

    fn account() -> Memory {
        let sql = Memory::new();
        migrate(&sql, ACCOUNT).unwrap();
        sql
    }

    fn permission(scopes: Scopes) -> Permission {
        let (client_id, client_name) = ("client".to_owned(), "A client".to_owned());
        Permission { client_id, client_name, scopes: scopes.into(), audience: "https://bus.example".into() }
    }

    fn given(sql: &Memory, consent: Consent, scopes: Scopes, now_ms: i64) -> bool {
        is_given(sql, consent, &permission(scopes), REDIRECT, now_ms).unwrap()
    }

    #[test]
    fn only_what_was_remembered_need_not_be_asked_again() {
        let sql = account();
        assert!(!given(&sql, Before, Scopes::PEER, 1));
        assert!(given(&sql, Now, Scopes::PEER, 1) && !given(&sql, Before, Scopes::PEER, 2));
        assert!(given(&sql, NowAndLater, Scopes::PEER, 3) && given(&sql, Before, Scopes::PEER, 4));
    }

    #[test]
    fn a_consent_is_of_one_client_redirect_and_server_and_of_no_wider_scope() {
        let sql = account();
        let both = Scopes::PEER.union(Scopes::BUS_READ);
        given(&sql, NowAndLater, both, 1);
        assert!(given(&sql, Before, both, 2) && given(&sql, Before, Scopes::BUS_READ, 2));
        assert!(!given(&sql, Before, Scopes::ALL, 2) && !given(&sql, Before, Scopes::BUS_DISPATCH, 2));
        let right = permission(both);
        for other in [
            Permission { client_id: "other".into(), ..right.clone() },
            Permission { audience: "https://other.example".into(), ..right.clone() },
        ] {
            assert!(!is_given(&sql, Before, &other, REDIRECT, 2).unwrap());
        }
        assert!(!is_given(&sql, Before, &right, "https://app.example/cb/", 2).unwrap());
        given(&sql, NowAndLater, Scopes::BUS_DISPATCH, 3);
        assert!(given(&sql, Before, Scopes::ALL, 4), "what was agreed to before stays so");
    }

    #[test]
    fn a_consent_ends_unused_and_room_is_made_for_new_ones() {
        let sql = account();
        given(&sql, NowAndLater, Scopes::PEER, 0);
        assert!(given(&sql, Before, Scopes::PEER, LIFETIME_MS - 1));
        assert!(given(&sql, Before, Scopes::PEER, 2 * LIFETIME_MS - 2));
        assert!(!given(&sql, Before, Scopes::PEER, 3 * LIFETIME_MS));
        for number in 0..MAX_CONSENTS + 20 {
            let other = Permission { client_id: format!("client {number}"), ..permission(Scopes::PEER) };
            is_given(&sql, NowAndLater, &other, REDIRECT, 4 * LIFETIME_MS + number).unwrap();
        }
        let rows = sql.query("SELECT COUNT(*) FROM consents", &[]).unwrap();
        assert_eq!(rows[0].integer(0).unwrap(), MAX_CONSENTS);
    }

    #[test]
    fn a_client_is_listed_once_while_it_may_do_anything() {
        let (sql, mut entropy) = (account(), Counter::default());
        let (first, _) = grant(&sql, &permission(Scopes::PEER), 5, &mut entropy).unwrap();
        let (second, _) = grant(&sql, &permission(Scopes::BUS_READ), 7, &mut entropy).unwrap();
        given(&sql, NowAndLater, Scopes::BUS_DISPATCH, 6);
        let [client] = &allowed(&sql, 8).unwrap()[..] else { panic!("listed once") };
        assert_eq!((client.scopes.set, client.since_ms, client.used_ms), (Scopes::ALL, 5, 7));
        assert!(client.remembered);
        forget(&sql, "client").unwrap();
        revoke(&sql, &first.grant_id, 9).unwrap();
        let [client] = &allowed(&sql, 10).unwrap()[..] else { panic!("one grant is left") };
        assert_eq!((client.scopes.set, client.remembered), (Scopes::BUS_READ, false));
        revoke(&sql, &second.grant_id, 9).unwrap();
        assert_eq!(allowed(&sql, 10).unwrap(), []);
    }

    #[test]
    fn everything_can_be_forgotten() {
        let sql = account();
        given(&sql, NowAndLater, Scopes::PEER, 1);
        forget_all(&sql).unwrap();
        assert!(!given(&sql, Before, Scopes::PEER, 2));
    }
}
