//! Schema migrations: append-only, numbered from 1, each run once.

use crate::params;
use crate::storage::{Sql, StorageError};

/// The statements that take the schema from version `n - 1` to `n`, in order; their place in the list is their number.
pub type Migrations = &'static [&'static str];

/// Brings the database up to date. Costs one read where nothing is to be done.
pub fn migrate(sql: &dyn Sql, migrations: Migrations) -> Result<(), StorageError> {
    upgrade(sql, migrations, |_| Ok(()))
}

/// As [`migrate`]. A database of an earlier version is first handed to `prepare`.
pub fn upgrade(
    sql: &dyn Sql,
    migrations: Migrations,
    prepare: impl FnOnce(&dyn Sql) -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    let version = version(sql)?;
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    if version > known {
        return Err(StorageError::Newer { found: version, known });
    }
    if (1..known).contains(&version) {
        prepare(sql)?;
    }
    let done = usize::try_from(version).unwrap_or(0);
    for (number, statements) in (1_i64..).zip(migrations).skip(done) {
        sql.batch(statements)?;
        sql.query("UPDATE schema_version SET version = ?", params![number])?;
    }
    Ok(())
}

/// Empties every table but the migrations' own and those in `kept`, whatever tables there are.
pub fn empty(sql: &dyn Sql, kept: &[&str]) -> Result<(), StorageError> {
    // Names with an underscore before them are the runtime's.
    let tables = sql.query(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'
         AND name NOT LIKE '!_%' ESCAPE '!' AND name <> 'schema_version'",
        &[],
    )?;
    for row in &tables {
        let table = row.text(0)?;
        if !kept.contains(&table.as_str()) {
            sql.query(&format!("DELETE FROM {table}"), &[])?;
        }
    }
    Ok(())
}

fn version(sql: &dyn Sql) -> Result<i64, StorageError> {
    // The catalog is asked first, so that waking an object writes nothing.
    if sql.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'", &[])?.is_empty() {
        sql.batch(
            "CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT; INSERT INTO schema_version VALUES (0);",
        )?;
    }
    match sql.query("SELECT version FROM schema_version", &[])?.first() {
        Some(row) => row.integer(0),
        None => Ok(0),
    }
}
