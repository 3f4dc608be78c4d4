//! Which names have an account: what the edge asks before it asks an account, so that a name that nobody has wakes no object
//! of its own. The names are spread over `SHARDS` objects by their hash.

use kernel::ids::{Entropy, EntropyError};
use kernel::migrate::migrate;
use kernel::params;
use kernel::storage::{Sql, StorageError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::schema::NAMES;

/// How many objects share the names, and how many answer for names that nobody has.
pub const SHARDS: u8 = 16;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Whether there is an account of this name.
    Knows { name: String },
    /// There is one from now on.
    Add { name: String },
    /// It was deleted.
    Remove { name: String },
}

impl Command {
    pub fn name(&self) -> &str {
        match self {
            Self::Knows { name } | Self::Add { name } | Self::Remove { name } => name,
        }
    }
}

/// The object that keeps a name. No account has a name like it.
pub fn shard(name: &str) -> String {
    format!("names/{}", number(name))
}

/// An object that answers for a name that nobody has: an `Account` that never holds one. It is drawn at random, so that nobody
/// can keep the one of a certain name busy and tell by the delay that the name has no account.
///
/// # Errors
/// `EntropyError`.
pub fn nobody(entropy: &mut dyn Entropy) -> Result<String, EntropyError> {
    let mut drawn = [0];
    entropy.fill(&mut drawn)?;
    let [number] = drawn.map(|byte| byte % SHARDS);
    Ok(format!("nobody/{number}"))
}

fn number(name: &str) -> u8 {
    Sha256::digest(name.as_bytes()).first().map_or(0, |byte| byte % SHARDS)
}

/// Does what it says; whether the name is known afterwards.
pub fn perform(sql: &dyn Sql, command: &Command) -> Result<bool, StorageError> {
    migrate(sql, NAMES)?;
    match command {
        Command::Knows { name } => {
            Ok(!sql.query("SELECT 1 FROM names WHERE name = ?", params![name.as_str()])?.is_empty())
        }
        Command::Add { name } => {
            sql.query("INSERT INTO names (name) VALUES (?) ON CONFLICT DO NOTHING", params![name.as_str()])?;
            Ok(true)
        }
        Command::Remove { name } => {
            sql.query("DELETE FROM names WHERE name = ?", params![name.as_str()])?;
            Ok(false)
        }
    }
}

/// Whether every account of this deployment is listed: where it is older than the list, one is listed when it is used.
pub fn is_whole(sql: &dyn Sql) -> Result<bool, StorageError> {
    let rows = sql.query("SELECT from_the_start FROM names_kept", &[])?;
    rows.first().map_or(Ok(false), |row| row.boolean(0))
}

#[cfg(test)]
mod tests {
    use super::{Command, is_whole, nobody, perform, shard};
    use crate::key_ring::keys::keys;
    use crate::schema::KEY_RING;
    use crate::usernames::Username;
    use kernel::migrate::migrate;
    use kernel::testing::{Counter, Memory};

    #[test]
    fn a_name_is_known_from_its_sign_up_to_its_deletion() {
        let sql = Memory::new();
        let name = || "ada".to_owned();
        assert!(!perform(&sql, &Command::Knows { name: name() }).unwrap());
        for _ in 0..2 {
            assert!(perform(&sql, &Command::Add { name: name() }).unwrap());
        }
        assert!(perform(&sql, &Command::Knows { name: name() }).unwrap());
        assert!(!perform(&sql, &Command::Remove { name: name() }).unwrap());
        assert!(!perform(&sql, &Command::Knows { name: name() }).unwrap());
    }

    #[test]
    fn a_deployment_that_is_older_than_the_list_is_known_to_be() {
        let sql = Memory::new();
        migrate(&sql, KEY_RING).unwrap();
        assert!(is_whole(&sql).unwrap());
        let older = Memory::new();
        migrate(&older, &KEY_RING[..2]).unwrap();
        keys(&older, 1, &mut Counter::default()).unwrap();
        migrate(&older, KEY_RING).unwrap();
        assert!(!is_whole(&older).unwrap());
    }

    #[test]
    fn the_shared_objects_have_names_that_no_account_can_have() {
        let shared = nobody(&mut Counter::default()).unwrap();
        for name in [shard("ada"), shard("bob"), shared] {
            assert!(Username::parse(&name).is_err(), "{name}");
        }
    }
}
