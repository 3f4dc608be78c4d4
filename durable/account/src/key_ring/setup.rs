//! The setup code: with it the operator of a new deployment makes the first account, an administrator's. It works once.

use kernel::ids::Entropy;
use kernel::params;
use kernel::secrets::{hash, new_secret};
use kernel::storage::{Sql, StorageError};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::key_ring::keys::KeyError;

/// What the edge asks. `configured` is the code from the configuration, accepted as well as the generated one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    Claim {
        code: String,
        username: String,
        configured: Option<String>,
    },
    /// The account could not be made because the name was taken.
    Release {
        username: String,
    },
    /// The account made with it was deleted: a new code is needed.
    Renew {
        username: String,
    },
}

/// Makes the setup code of a new deployment, to be shown to the operator. Returns nothing once there has been one.
pub fn first_code(sql: &dyn Sql, entropy: &mut dyn Entropy) -> Result<Option<String>, KeyError> {
    if !sql.query("SELECT 1 FROM setup", &[])?.is_empty() {
        return Ok(None);
    }
    let code = new_secret(entropy)?;
    sql.query("INSERT INTO setup (one, hash) VALUES (1, ?)", params![hash(&code)])?;
    Ok(Some(code))
}

/// Whether this name may become the first administrator.
pub fn perform(sql: &dyn Sql, command: &Command) -> Result<bool, StorageError> {
    match command {
        Command::Release { username } => {
            sql.query("UPDATE setup SET claimed_by = NULL WHERE claimed_by = ?", params![username])?;
            Ok(true)
        }
        Command::Renew { username } => {
            sql.query("DELETE FROM setup WHERE claimed_by = ?", params![username])?;
            Ok(true)
        }
        Command::Claim { code, username, configured } => {
            let rows = sql.query("SELECT hash, claimed_by FROM setup", &[])?;
            let Some(row) = rows.first() else { return Ok(false) };
            let given = hash(code);
            let own = bool::from(given.ct_eq(&row.blob(0)?));
            let set = configured.as_ref().is_some_and(|set| hash(set).ct_eq(&given).into());
            let free = row.optional_text(1)?.is_none();
            if !(own || set) || !free {
                return Ok(false);
            }
            sql.query("UPDATE setup SET claimed_by = ?", params![username])?;
            Ok(true)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, first_code, perform};
    use crate::schema::KEY_RING;
    use kernel::migrate::migrate;
    use kernel::testing::Counter;
    use kernel::testing::Memory;

    fn claim(sql: &Memory, code: &str, username: &str) -> bool {
        let configured = Some("operators own code".to_owned());
        perform(sql, &Command::Claim { code: code.into(), username: username.into(), configured }).unwrap()
    }

    #[test]
    fn the_setup_code_is_shown_once_and_makes_one_administrator() {
        let (sql, mut entropy) = (Memory::new(), Counter::default());
        migrate(&sql, KEY_RING).unwrap();
        let code = first_code(&sql, &mut entropy).unwrap().unwrap();
        assert_eq!(first_code(&sql, &mut entropy).unwrap(), None);
        assert!(!claim(&sql, "guess", "eve") && !claim(&sql, "", "eve"));
        assert!(claim(&sql, &code, "ada"));
        assert!(!claim(&sql, &code, "ada") && !claim(&sql, &code, "eve") && !claim(&sql, "operators own code", "eve"));
        perform(&sql, &Command::Release { username: "ada".into() }).unwrap();
        assert!(claim(&sql, "operators own code", "eve"));
    }

    #[test]
    fn when_the_administrator_is_gone_there_is_a_new_code_and_the_old_one_is_none() {
        let (sql, mut entropy) = (Memory::new(), Counter::default());
        migrate(&sql, KEY_RING).unwrap();
        let old = first_code(&sql, &mut entropy).unwrap().unwrap();
        assert!(claim(&sql, &old, "ada"));
        perform(&sql, &Command::Renew { username: "eve".into() }).unwrap();
        assert_eq!(first_code(&sql, &mut entropy).unwrap(), None);
        perform(&sql, &Command::Renew { username: "ada".into() }).unwrap();
        let new = first_code(&sql, &mut entropy).unwrap().unwrap();
        assert!(!claim(&sql, &old, "ada") && claim(&sql, &new, "bob"));
    }
}
