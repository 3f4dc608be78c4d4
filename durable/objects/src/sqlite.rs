//! The object's own SQLite behind the core's `Sql`.

use kernel::storage::{Row, Sql, StorageError, Value};
use worker::SqlStorage;

/// SQLite of one object.
pub struct ObjectSql(pub SqlStorage);

impl Sql for ObjectSql {
    fn run(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Row>, StorageError> {
        runtime::sql::run(&self.0, statement, parameters)
    }

    fn size(&self) -> Result<u64, StorageError> {
        Ok(u64::try_from(self.0.database_size()).unwrap_or(u64::MAX))
    }

    fn batch(&self, statements: &str) -> Result<(), StorageError> {
        let done = self.0.exec(statements, None).map(|_| ());
        done.map_err(|error| StorageError::Statement(error.to_string()))
    }
}
