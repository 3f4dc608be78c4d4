//! Migrations, and what SCHEMA.md says of the tables.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use account::schema::{ACCOUNT, DEVICE, KEY_RING};
use bus::schema::USER_BUS;
use files::schema::FILES;
use kernel::migrate::{self, migrate};
use kernel::storage::{Sql, StorageError};
use kernel::testing::Memory;
use metrics::store::METRICS;

const SCHEMA_MD: &str = include_str!("../../SCHEMA.md");

/// Statements that make the tables and indexes, without the migrations' own bookkeeping.
fn schema(sql: &Memory) -> Vec<String> {
    let rows = sql
        .query(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'schema_version' ORDER BY type, name",
            &[],
        )
        .unwrap();
    rows.iter().map(|row| row.text(0).unwrap()).collect()
}

#[test]
fn migrating_twice_changes_nothing() {
    let sql = Memory::new();
    migrate(&sql, USER_BUS).unwrap();
    let first = schema(&sql);
    migrate(&sql, USER_BUS).unwrap();
    assert_eq!(schema(&sql), first);
    assert!(!first.is_empty());
}

#[test]
fn a_later_migration_runs_on_what_the_earlier_ones_left() {
    const GROWN: migrate::Migrations = &["CREATE TABLE a (x INTEGER)", "ALTER TABLE a ADD COLUMN y INTEGER"];
    let (stepwise, at_once) = (Memory::new(), Memory::new());
    migrate(&stepwise, GROWN.get(..1).unwrap()).unwrap();
    stepwise.query("INSERT INTO a (x) VALUES (1)", &[]).unwrap();
    migrate(&stepwise, GROWN).unwrap();
    migrate(&at_once, GROWN).unwrap();
    assert_eq!(schema(&stepwise), schema(&at_once));
    assert_eq!(stepwise.query("SELECT x, y FROM a", &[]).unwrap().len(), 1);
}

#[test]
fn a_database_from_a_newer_build_is_left_alone() {
    const NEWER: migrate::Migrations = &["CREATE TABLE a (x)", "CREATE TABLE b (x)"];
    let sql = Memory::new();
    migrate(&sql, NEWER).unwrap();
    let refused = migrate(&sql, NEWER.get(..1).unwrap()).unwrap_err();
    assert!(matches!(refused, StorageError::Newer { found: 2, known: 1 }));
}

#[test]
fn every_table_stands_in_schema_md_with_its_columns() {
    for migrations in [USER_BUS, ACCOUNT, KEY_RING, DEVICE, FILES, METRICS] {
        let sql = Memory::new();
        migrate(&sql, migrations).unwrap();
        let tables =
            sql.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'", &[]).unwrap();
        for table in tables {
            let table = table.text(0).unwrap();
            let heading = format!("### `{table}`");
            let section = SCHEMA_MD.split(&heading).nth(1).unwrap_or_else(|| panic!("{heading} is missing"));
            let section = section.split("\n### ").next().unwrap();
            for column in sql.query(&format!("SELECT name FROM pragma_table_info('{table}')"), &[]).unwrap() {
                let column = column.text(0).unwrap();
                assert!(section.contains(&format!("| `{column}` |")), "{table}.{column} is missing in SCHEMA.md");
            }
        }
    }
}

#[test]
fn a_bus_of_the_first_hours_gets_what_the_first_migration_has_said_since() {
    // As the server's first build made it, then left by a build that could not go on with it.
    let first = include_str!("early_bus.sql");
    for done in [1_i64, 3] {
        let sql = Memory::new();
        sql.batch(first).unwrap();
        sql.batch(
            "CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT; INSERT INTO schema_version VALUES (1);",
        )
        .unwrap();
        sql.batch(r#"INSERT INTO inbox VALUES (4, 'reader', '{"priority":6,"payload":{"n":1}}', 9, 1)"#).unwrap();
        for (number, statements) in (2..=done).zip(USER_BUS.iter().skip(1)) {
            sql.batch(statements).unwrap();
            sql.query("UPDATE schema_version SET version = ?", &[number.into()]).unwrap();
        }
        bus::schema::migrate(&sql).unwrap();
        let fresh = Memory::new();
        migrate(&fresh, USER_BUS).unwrap();
        assert_eq!(columns(&sql), columns(&fresh));
        let kept = sql.query("SELECT seq, message FROM inbox", &[]).unwrap();
        assert_eq!(kept[0].integer(0).unwrap(), 4);
        assert_eq!(
            kept[0].text(1).unwrap(),
            r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","logger":"_message_bus","data":{"priority":6,"payload":{"n":1}}}}"#
        );
    }
}

/// The tables' columns and the indexes, by name.
fn columns(sql: &Memory) -> Vec<String> {
    let statement = "SELECT t.name || '.' || c.name || ' ' || c.type || c.[notnull] || c.pk FROM sqlite_master t, pragma_table_info(t.name) c
                     WHERE t.type = 'table' UNION SELECT 'index ' || name FROM sqlite_master WHERE type = 'index' ORDER BY 1";
    sql.query(statement, &[]).unwrap().iter().map(|row| row.text(0).unwrap()).collect()
}
