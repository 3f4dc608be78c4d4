//! Deleting an account. All its rows go in one turn, except one that lists what is still to be erased elsewhere. Once
//! all of that is done, the object is indistinguishable from one that was never used.

use kernel::migrate::empty;
use kernel::params;
use kernel::storage::{Sql, StorageError};

use crate::accounts::command::{Effect, Owner};
use crate::accounts::row::has_row;

const TABLE: &str = "deletion";

/// Erases every row of the account. It asks the database for its tables, so that a new table is covered too.
pub fn begin(sql: &dyn Sql, owner: &Owner, is_administrator: bool) -> Result<(), StorageError> {
    let administrator = is_administrator.then_some(owner.username.as_str());
    sql.query(
        "INSERT INTO deletion (one, user_id, administrator, listed) VALUES (1, ?, ?, ?)",
        params![owner.user_id.as_str(), administrator, owner.username.as_str()],
    )?;
    empty(sql, &[TABLE])
}

/// The name cannot be taken until everything is erased.
pub fn is_pending(sql: &dyn Sql) -> Result<bool, StorageError> {
    has_row(sql, TABLE)
}

pub fn owed(sql: &dyn Sql) -> Result<Vec<Effect>, StorageError> {
    let mut owed = Vec::new();
    if !is_pending(sql)? {
        return Ok(owed);
    }
    for row in &sql.query("SELECT user_id, bus_told, administrator, listed FROM deletion", &[])? {
        if !row.boolean(1)? {
            owed.push(Effect::EraseBus { user_id: row.text(0)? });
        }
        owed.extend(row.optional_text(2)?.map(|username| Effect::ReleaseSetup { username }));
        owed.extend(row.optional_text(3)?.map(|username| Effect::UnlistName { username }));
    }
    Ok(owed)
}

pub fn performed(sql: &dyn Sql, effect: &Effect) -> Result<(), StorageError> {
    let change = match effect {
        Effect::EraseBus { .. } => "bus_told = 1",
        Effect::ReleaseSetup { .. } => "administrator = NULL",
        Effect::UnlistName { .. } => "listed = NULL",
        Effect::RevokeOnBus { .. } | Effect::ListName { .. } => return Ok(()),
    };
    sql.query(&format!("UPDATE deletion SET {change}"), &[]).map(|_| ())
}

/// Whether an account was deleted and nothing is left to erase elsewhere, so that the database itself may go.
pub fn is_over(sql: &dyn Sql) -> Result<bool, StorageError> {
    Ok(is_pending(sql)? && owed(sql)?.is_empty())
}
