//! In the project's first hours the first migration was still edited in place. A bus made then is brought to what it says
//! now, before later migrations build on that; any other bus is left as it is. Migrations have not been edited since.

use kernel::params;
use kernel::storage::{Sql, StorageError};

/// Columns that were added to tables, with their definitions.
const COLUMNS: &[(&str, &str, &str)] = &[
    ("clients", "session_id", "TEXT"),
    ("jobs", "traceparent", "TEXT"),
    ("sessions", "sent_seq", "INTEGER NOT NULL DEFAULT 0"),
];

const TABLES: &str = "
CREATE INDEX IF NOT EXISTS clients_by_session ON clients (session_id) WHERE session_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS subscriptions (
  session_id TEXT NOT NULL,
  topic TEXT NOT NULL,
  uri TEXT NOT NULL,
  PRIMARY KEY (session_id, topic)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS subscriptions_by_topic ON subscriptions (topic);
CREATE TABLE IF NOT EXISTS origins (
  job_id TEXT PRIMARY KEY,
  from_uuid TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;";

/// An inbox kept records, where it keeps whole notifications now.
const INBOX: &str = r#"
ALTER TABLE inbox RENAME TO early_inbox;
DROP INDEX IF EXISTS inbox_by_client;
CREATE TABLE inbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  client_uuid TEXT NOT NULL,
  message TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
INSERT INTO inbox (seq, client_uuid, message, bytes, created_at)
  SELECT seq, client_uuid, json_object('jsonrpc', '2.0', 'method', 'notifications/message', 'params', json_object(
           'level', '["emergency","alert","critical","error","warning","notice","info","debug"]' ->> (record ->> 'priority'),
           'logger', '_message_bus', 'data', json(record))), bytes, created_at
  FROM early_inbox;
DROP TABLE early_inbox;
CREATE INDEX inbox_by_client ON inbox (client_uuid, seq);"#;

/// Does to the tables what was done to the first migration.
///
/// # Errors
/// `StorageError` if a statement fails.
pub fn amend(sql: &dyn Sql) -> Result<(), StorageError> {
    for (table, column, definition) in COLUMNS {
        if !has_column(sql, table, column)? {
            sql.batch(&format!("ALTER TABLE {table} ADD COLUMN {column} {definition};"))?;
        }
    }
    sql.batch(TABLES)?;
    if has_column(sql, "inbox", "record")? {
        sql.batch(INBOX)?;
    }
    Ok(())
}

fn has_column(sql: &dyn Sql, table: &str, column: &str) -> Result<bool, StorageError> {
    Ok(!sql.query("SELECT 1 FROM pragma_table_info(?) WHERE name = ?", params![table, column])?.is_empty())
}
