//! The object's own SQLite behind the core's `Sql`.

use kernel::storage::{Row, Sql, StorageError, Value};
use worker::{SqlStorage, SqlStorageValue};

/// SQLite of one object.
pub struct ObjectSql(pub SqlStorage);

impl Sql for ObjectSql {
    fn run(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Row>, StorageError> {
        let bindings: Vec<SqlStorageValue> = parameters.iter().map(binding).collect();
        let cursor = self.0.exec(statement, bindings).map_err(failed)?;
        let mut rows = Vec::new();
        for row in cursor.raw() {
            rows.push(Row(row.map_err(failed)?.into_iter().map(value).collect()));
        }
        Ok(rows)
    }

    fn size(&self) -> Result<u64, StorageError> {
        Ok(u64::try_from(self.0.database_size()).unwrap_or(u64::MAX))
    }

    fn batch(&self, statements: &str) -> Result<(), StorageError> {
        self.0.exec(statements, None).map(|_| ()).map_err(failed)
    }
}

fn failed(error: worker::Error) -> StorageError {
    StorageError::Statement(error.to_string())
}

fn binding(value: &Value) -> SqlStorageValue {
    match value {
        Value::Null => SqlStorageValue::Null,
        Value::Integer(number) => SqlStorageValue::Integer(*number),
        Value::Real(number) => SqlStorageValue::Float(*number),
        Value::Text(text) => SqlStorageValue::String(text.clone()),
        Value::Blob(bytes) => SqlStorageValue::Blob(bytes.clone()),
    }
}

fn value(value: SqlStorageValue) -> Value {
    match value {
        SqlStorageValue::Null => Value::Null,
        SqlStorageValue::Boolean(flag) => Value::Integer(i64::from(flag)),
        SqlStorageValue::Integer(number) => Value::Integer(number),
        SqlStorageValue::Float(number) => Value::Real(number),
        SqlStorageValue::String(text) => Value::Text(text),
        SqlStorageValue::Blob(bytes) => Value::Blob(bytes),
    }
}
