//! Share links: each lets whoever has it into one Blender, to watch or to work, for minutes to days.
//!
//! A link is a token that was made by hand (`access_tokens`), of a client of its own, so that ending one reaches the bus as any
//! revocation does. Its scopes name the Blender and what kind of guest its holder is.

use kernel::access::{Access, Bound, Guest};
use kernel::ids::{Entropy, EntropyError};
use kernel::params;
use kernel::storage::{Row, Sql, StorageError};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::access_tokens::{self, Held, MAX_NAME_CHARACTERS, is_name};
use crate::grants::{Permission, SHARE_CLIENT, revoke_of_client};

pub const MIN_MINUTES: i64 = 5;
/// Seven days.
pub const MAX_MINUTES: i64 = 7 * 24 * 60;
pub const MAX_SHARES: i64 = 50;
const MINUTE_MS: i64 = 60_000;

/// The link to make. `audience`: the origin of the server that it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewShare {
    /// Whom it is for.
    pub name: String,
    pub blender: String,
    /// Otherwise its holder only watches.
    pub may_work: bool,
    pub minutes: i64,
    pub audience: String,
}

impl NewShare {
    pub fn scopes(&self) -> Access {
        Access::of_guest(if self.may_work { Guest::Work } else { Guest::Watch }, self.blender.clone())
    }
}

/// A live link as its owner sees it. Times in Unix milliseconds; the last use is exact to a minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub share_id: String,
    pub name: String,
    pub blender: String,
    pub may_work: bool,
    pub created_ms: i64,
    pub expires_ms: i64,
    pub last_used_ms: Option<i64>,
}

/// Why no link is made. The text is shown to the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    #[error("say whom it is for, in 1 to {MAX_NAME_CHARACTERS} characters, none of them invisible")]
    Name,
    #[error("choose the Blender to share")]
    Blender,
    #[error("a link is good for 5 minutes to 7 days")]
    Minutes,
    #[error("there are {MAX_SHARES} links, the most there may be: end one first")]
    TooMany,
}

#[derive(Debug, Error)]
pub enum ShareError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// Makes a link; returns its secret and how it is listed.
///
/// # Errors
/// `ShareError::Refused` for a senseless one, or for one too many.
pub fn make(
    sql: &dyn Sql,
    new: &NewShare,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<(String, Share), ShareError> {
    let name = new.name.trim();
    if !is_name(name) {
        return Err(Refused::Name.into());
    }
    if Bound::typed(&new.blender, "") != Ok(Some(Bound::Blender(new.blender.clone()))) {
        return Err(Refused::Blender.into());
    }
    if !(MIN_MINUTES..=MAX_MINUTES).contains(&new.minutes) {
        return Err(Refused::Minutes.into());
    }
    let live = sql.query(
        "SELECT count(*) FROM grants WHERE client_id = ? AND revoked_ms IS NULL AND expires_ms > ?",
        params![SHARE_CLIENT, now_ms],
    )?;
    if live.first().map_or(Ok(0), |row| row.integer(0))? >= MAX_SHARES {
        return Err(Refused::TooMany.into());
    }
    let expires_ms = now_ms.saturating_add(new.minutes.saturating_mul(MINUTE_MS));
    let permission = Permission {
        client_id: SHARE_CLIENT.to_owned(),
        client_name: name.to_owned(),
        scopes: new.scopes(),
        audience: new.audience.clone(),
    };
    let (secret, share_id) = access_tokens::keep::<ShareError>(sql, &permission, None, (now_ms, expires_ms), entropy)?;
    let (blender, may_work) = (new.blender.clone(), new.may_work);
    let name = name.to_owned();
    Ok((secret, Share { share_id, name, blender, may_work, created_ms: now_ms, expires_ms, last_used_ms: None }))
}

/// What a link stands for, if it is live and of one of `audiences`. Notes that it was used.
///
/// # Errors
/// If there is no database.
pub fn find(sql: &dyn Sql, secret: &str, audiences: &[String], now_ms: i64) -> Result<Option<Held>, StorageError> {
    access_tokens::find_of(sql, (SHARE_CLIENT, MINUTE_MS), secret, audiences, now_ms)
}

/// The live links, newest first.
///
/// # Errors
/// If there is no database.
pub fn list(sql: &dyn Sql, now_ms: i64) -> Result<Vec<Share>, StorageError> {
    let rows = sql.query(
        "SELECT grant_id, client_name, scopes, created_ms, expires_ms, used_ms FROM grants
         WHERE client_id = ? AND revoked_ms IS NULL AND expires_ms > ? ORDER BY created_ms DESC, grant_id",
        params![SHARE_CLIENT, now_ms],
    )?;
    rows.iter().map(share).collect()
}

fn share(row: &Row) -> Result<Share, StorageError> {
    let scopes = Access::stored(&row.text(2)?);
    let (created_ms, used_ms) = (row.integer(3)?, row.integer(5)?);
    Ok(Share {
        share_id: row.text(0)?,
        name: row.text(1)?,
        blender: scopes.bound.as_ref().and_then(Bound::blender).unwrap_or_default().to_owned(),
        may_work: scopes.guest == Some(Guest::Work),
        created_ms,
        expires_ms: row.integer(4)?,
        last_used_ms: (used_ms >= created_ms).then_some(used_ms),
    })
}

/// Ends a link. Returns the ids of the grants that the bus has to be told of: none if it was not live.
///
/// # Errors
/// If there is no database.
pub fn end(sql: &dyn Sql, share_id: &str, now_ms: i64) -> Result<Vec<String>, StorageError> {
    revoke_of_client(sql, share_id, SHARE_CLIENT, now_ms)
}

#[cfg(test)]
mod tests {
    use super::{MAX_SHARES, MINUTE_MS, NewShare, Refused, Share, ShareError, end, find, list, make};
    use crate::access_tokens;
    use crate::grants::untold;
    use crate::testing::{Account, ORIGIN};
    use kernel::access::{Access, Guest};
    use kernel::storage::Sql;

    impl Account {
        fn make(&mut self, new: &NewShare) -> Result<(String, Share), ShareError> {
            make(&self.sql, new, 1, &mut self.entropy)
        }

        fn access(&self, secret: &str, now_ms: i64) -> Option<Access> {
            find(&self.sql, secret, &[ORIGIN.to_owned()], now_ms).unwrap().map(|held| held.scopes)
        }
    }

    fn new() -> NewShare {
        NewShare {
            name: "Ada".into(),
            blender: "studio-1".into(),
            may_work: false,
            minutes: 60,
            audience: ORIGIN.into(),
        }
    }

    #[test]
    fn a_link_is_for_one_blender_one_kind_of_guest_one_server_and_its_time() {
        let mut account = Account::new();
        for (may_work, guest) in [(false, Guest::Watch), (true, Guest::Work)] {
            let (secret, share) = account.make(&NewShare { may_work, ..new() }).unwrap();
            assert_eq!(account.access(&secret, 2), Some(Access::of_guest(guest, "studio-1".to_owned())));
            assert_eq!(account.access(&secret, share.expires_ms), None);
            assert_eq!(account.access("another", 2), None);
            assert_eq!(find(&account.sql, &secret, &["https://evil.example".into()], 2).unwrap(), None);
        }
        assert_eq!(list(&account.sql, 2).unwrap().len(), 2);
        assert!(list(&account.sql, 1 + 60 * MINUTE_MS).unwrap().is_empty());
    }

    #[test]
    fn a_link_is_no_access_token_and_an_access_token_no_link() {
        let mut account = Account::new();
        let (secret, share) = account.make(&new()).unwrap();
        let audiences = [ORIGIN.to_owned()];
        assert_eq!(access_tokens::find(&account.sql, &secret, &audiences, 2).unwrap(), None);
        assert!(access_tokens::list(&account.sql, 2).unwrap().is_empty());
        assert!(!access_tokens::revoke(&account.sql, &share.share_id, None, 2).unwrap());
        let token = access_tokens::NewToken {
            name: "script".into(),
            scopes: kernel::scopes::Scopes::ALL.into(),
            days: 1,
            audience: ORIGIN.into(),
        };
        let (secret, listed) = access_tokens::create(&account.sql, &token, None, 1, &mut account.entropy).unwrap();
        assert_eq!(account.access(&secret, 2), None);
        assert!(end(&account.sql, &listed.token_id, 2).unwrap().is_empty());
    }

    #[test]
    fn a_link_that_was_ended_is_dead_at_once_and_owed_to_the_bus() {
        let mut account = Account::new();
        let (secret, share) = account.make(&new()).unwrap();
        assert_eq!(end(&account.sql, &share.share_id, 2).unwrap(), vec![share.share_id.clone()]);
        assert_eq!(account.access(&secret, 2), None);
        assert!(list(&account.sql, 2).unwrap().is_empty());
        assert_eq!(untold(&account.sql).unwrap(), vec![share.share_id.clone()]);
        assert!(end(&account.sql, &share.share_id, 3).unwrap().is_empty());
    }

    #[test]
    fn the_last_use_is_noted_once_a_minute() {
        let mut account = Account::new();
        let (secret, _) = account.make(&new()).unwrap();
        let used = |account: &Account| list(&account.sql, 5).unwrap()[0].last_used_ms;
        assert_eq!(used(&account), None);
        for (now_ms, noted) in [(1, 1), (2, 1), (MINUTE_MS, 1), (MINUTE_MS + 1, MINUTE_MS + 1)] {
            account.access(&secret, now_ms).unwrap();
            assert_eq!(used(&account), Some(noted), "{now_ms}");
        }
    }

    #[test]
    fn a_senseless_link_is_not_made_and_there_are_only_so_many() {
        let mut account = Account::new();
        for (wrong, reason) in [
            (NewShare { name: " ".into(), ..new() }, Refused::Name),
            (NewShare { name: "x".repeat(81), ..new() }, Refused::Name),
            (NewShare { blender: String::new(), ..new() }, Refused::Blender),
            (NewShare { blender: " studio-1".into(), ..new() }, Refused::Blender),
            (NewShare { blender: "x".repeat(129), ..new() }, Refused::Blender),
            (NewShare { minutes: 4, ..new() }, Refused::Minutes),
            (NewShare { minutes: 7 * 24 * 60 + 1, ..new() }, Refused::Minutes),
        ] {
            assert!(matches!(account.make(&wrong), Err(ShareError::Refused(refused)) if refused == reason));
        }
        for _ in 0..MAX_SHARES {
            account.make(&new()).unwrap();
        }
        assert!(matches!(account.make(&new()), Err(ShareError::Refused(Refused::TooMany))));
        let (first, _) = (list(&account.sql, 2).unwrap().remove(0), ());
        end(&account.sql, &first.share_id, 2).unwrap();
        assert!(account.make(&new()).is_ok());
    }

    #[test]
    fn only_the_hash_of_a_link_is_stored() {
        let mut account = Account::new();
        let (secret, _) = account.make(&new()).unwrap();
        for table in ["access_tokens", "grants"] {
            let rows = account.sql.query(&format!("SELECT * FROM {table}"), &[]).unwrap();
            assert!(!rows.is_empty() && !format!("{rows:?}").contains(secret.as_str()), "{table}");
        }
    }
}
