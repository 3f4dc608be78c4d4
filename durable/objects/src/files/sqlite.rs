//! SQLite for files: blobs of a mebibyte go in and out as the runtime has them, not as text.

use kernel::storage::{Row, Sql, StorageError, Value};
use worker::SqlStorageValue;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::{JsCast, JsValue};

use crate::buffers::free;
use crate::sqlite::ObjectSql;

/// Bytes that are given back at once and not left to the collector of garbage, which sees them late.
const LARGE: usize = 16 * 1024;

/// SQLite of one object with files.
pub struct BlobSql(pub ObjectSql);

impl Sql for BlobSql {
    fn run(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Row>, StorageError> {
        let bindings: Vec<JsValue> = parameters.iter().map(|value| binding(value).into()).collect();
        let is_large = |value: &Value| matches!(value, Value::Blob(bytes) if bytes.len() > LARGE);
        let large: Vec<JsValue> = parameters
            .iter()
            .zip(&bindings)
            .filter(|(value, _)| is_large(value))
            .map(|(_, bytes)| bytes.clone())
            .collect();
        let cursor = self.0.0.exec_raw(statement, bindings).map_err(failed)?;
        let mut rows = Vec::new();
        for row in cursor.raw() {
            rows.push(Row(row.map_err(failed)?.into_iter().map(value).collect()));
        }
        large.iter().filter_map(|bytes| bytes.dyn_ref::<Uint8Array>()).for_each(free);
        Ok(rows)
    }

    fn size(&self) -> Result<u64, StorageError> {
        self.0.size()
    }

    fn batch(&self, statements: &str) -> Result<(), StorageError> {
        self.0.batch(statements)
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
