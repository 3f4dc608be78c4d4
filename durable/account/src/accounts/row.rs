//! The row of an account: whether there is one, and whose it is.

use kernel::ids::{Entropy, random_id};
use kernel::migrate::migrate;
use kernel::params;
use kernel::storage::{Row, Sql, StorageError};

use crate::accounts::command::{Effect, Owner};
use crate::accounts::error::AccountError;
use crate::schema::ACCOUNT;
use crate::usernames::Username;

/// Makes the account of this object. `dev` marks one that only loopback may sign in to.
pub fn create(
    sql: &dyn Sql,
    username: &Username,
    dev: bool,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<(), AccountError> {
    let user_id = random_id::<16>("u-", entropy)?;
    migrate(sql, ACCOUNT)?;
    sql.query(
        "INSERT INTO account (one, user_id, username, dev, created_ms) VALUES (1, ?, ?, ?, ?)",
        params![user_id, username.as_str(), dev, now_ms],
    )?;
    Ok(())
}

pub fn exists(sql: &dyn Sql) -> Result<bool, StorageError> {
    has_row(sql, "account")
}

/// Ask the schema catalog first: a name without an account has no tables.
pub fn has_row(sql: &dyn Sql, table: &str) -> Result<bool, StorageError> {
    let tables = sql.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", params![table])?;
    Ok(!tables.is_empty() && !sql.query(&format!("SELECT 1 FROM {table}"), &[])?.is_empty())
}

pub fn is_dev(sql: &dyn Sql) -> Result<bool, StorageError> {
    sql.query("SELECT dev FROM account", &[])?.first().map_or(Ok(false), |row| row.boolean(0))
}

pub fn owner(sql: &dyn Sql) -> Result<Option<Owner>, StorageError> {
    if !exists(sql)? {
        return Ok(None);
    }
    let rows = sql.query("SELECT user_id, username, display_name FROM account", &[])?;
    let owner =
        |row: &Row| Ok(Owner { user_id: row.text(0)?, username: row.text(1)?, display_name: row.optional_text(2)? });
    rows.first().map(owner).transpose()
}

/// What is owed to the list of names, if this account is not in it yet.
pub fn unlisted(sql: &dyn Sql) -> Result<Option<Effect>, StorageError> {
    if !exists(sql)? {
        return Ok(None);
    }
    let rows = sql.query("SELECT username FROM account WHERE listed = 0", &[])?;
    rows.first().map(|row| Ok(Effect::ListName { username: row.text(0)? })).transpose()
}

/// The list of names has it.
pub fn listed(sql: &dyn Sql) -> Result<(), StorageError> {
    if exists(sql)? { sql.query("UPDATE account SET listed = 1", &[]).map(|_| ()) } else { Ok(()) }
}
