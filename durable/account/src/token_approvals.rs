//! Approvals that the owner has given in the browser: one client may make one access token, once and soon.
//!
//! A client's own access token is not enough to make a token that lives for months. Otherwise anybody who steals it, or
//! talks a model into calling the tool, would keep the access.

use kernel::params;
use kernel::storage::{Sql, StorageError};

use crate::access_tokens::NewToken;

/// How long after the approval the client may make the token.
pub const LIFETIME_MS: i64 = 600_000;
const MAX_APPROVALS: i64 = 20;

/// The owner agrees that the client of a grant makes this token.
pub fn approve(sql: &dyn Sql, grant_id: &str, new: &NewToken, now_ms: i64) -> Result<(), StorageError> {
    sql.query("DELETE FROM token_approvals WHERE until_ms <= ?", params![now_ms])?;
    sql.query(
        "DELETE FROM token_approvals WHERE (grant_id, name, scopes, days, audience) IN (SELECT grant_id, name, scopes,
         days, audience FROM token_approvals ORDER BY until_ms DESC LIMIT -1 OFFSET ?)",
        params![MAX_APPROVALS.saturating_sub(1)],
    )?;
    sql.query(
        "INSERT OR REPLACE INTO token_approvals (grant_id, name, scopes, days, audience, until_ms)
         VALUES (?, ?, ?, ?, ?, ?)",
        params![
            grant_id,
            new.name.as_str(),
            new.scopes.to_string(),
            new.days,
            new.audience.as_str(),
            now_ms.saturating_add(LIFETIME_MS)
        ],
    )
    .map(|_| ())
}

/// Whether the owner has agreed to exactly this token. Uses the approval up.
pub fn take(sql: &dyn Sql, grant_id: &str, new: &NewToken, now_ms: i64) -> Result<bool, StorageError> {
    let rows = sql.query(
        "DELETE FROM token_approvals WHERE grant_id = ? AND name = ? AND scopes = ? AND days = ? AND audience = ?
         AND until_ms > ? RETURNING 1",
        params![grant_id, new.name.as_str(), new.scopes.to_string(), new.days, new.audience.as_str(), now_ms],
    )?;
    Ok(!rows.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{LIFETIME_MS, MAX_APPROVALS, approve, take};
    use crate::access_tokens::NewToken;
    use crate::schema::ACCOUNT;
    use kernel::migrate::migrate;
    use kernel::scopes::Scopes;
    use kernel::testing::Memory;

    fn new() -> NewToken {
        NewToken { name: "farm".into(), scopes: Scopes::PEER.into(), days: 90, audience: "https://bus.example".into() }
    }

    fn account() -> Memory {
        let sql = Memory::new();
        migrate(&sql, ACCOUNT).unwrap();
        sql
    }

    #[test]
    fn what_was_agreed_to_is_one_token_of_one_grant_once_and_soon() {
        let sql = account();
        approve(&sql, "g-1", &new(), 0).unwrap();
        for other in [
            NewToken { name: "other".into(), ..new() },
            NewToken { scopes: Scopes::ALL.into(), ..new() },
            NewToken { days: 91, ..new() },
            NewToken { audience: "https://evil.example".into(), ..new() },
        ] {
            assert!(!take(&sql, "g-1", &other, 1).unwrap(), "{other:?}");
        }
        assert!(!take(&sql, "g-2", &new(), 1).unwrap());
        assert!(take(&sql, "g-1", &new(), 1).unwrap() && !take(&sql, "g-1", &new(), 1).unwrap());
        approve(&sql, "g-1", &new(), 0).unwrap();
        assert!(!take(&sql, "g-1", &new(), LIFETIME_MS).unwrap());
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let sql = account();
        for day in 1..=MAX_APPROVALS + 5 {
            approve(&sql, "g-1", &NewToken { days: day, ..new() }, day).unwrap();
        }
        let kept =
            (1..=MAX_APPROVALS + 5).filter(|day| take(&sql, "g-1", &NewToken { days: *day, ..new() }, 30).unwrap());
        assert_eq!(kept.count(), 20);
    }
}
