//! SQLite in memory and repeatable randomness, for tests.

#![allow(clippy::expect_used, clippy::arithmetic_side_effects)]

use rusqlite::types::{Value as Native, ValueRef};
use rusqlite::{Connection, params_from_iter};

use crate::ids::{Entropy, EntropyError};
use crate::storage::{Row, Sql, StorageError, Value};

pub struct Memory(Connection);

impl Memory {
    pub fn new() -> Self {
        Self(Connection::open_in_memory().expect("SQLite opens in memory"))
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Sql for Memory {
    fn query(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Row>, StorageError> {
        let failed = |error: rusqlite::Error| StorageError::Statement(error.to_string());
        let mut prepared = self.0.prepare_cached(statement).map_err(failed)?;
        let columns = prepared.column_count();
        let mut rows = prepared.query(params_from_iter(parameters.iter().map(native))).map_err(failed)?;
        let mut result = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let values = (0..columns).map(|column| row.get_ref(column).map(value)).collect::<Result<_, _>>();
            result.push(Row(values.map_err(failed)?));
        }
        Ok(result)
    }

    fn batch(&self, statements: &str) -> Result<(), StorageError> {
        self.0.execute_batch(statements).map_err(|error| StorageError::Statement(error.to_string()))
    }
}

fn native(value: &Value) -> Native {
    match value {
        Value::Null => Native::Null,
        Value::Integer(number) => Native::Integer(*number),
        Value::Real(number) => Native::Real(*number),
        Value::Text(text) => Native::Text(text.clone()),
        Value::Blob(bytes) => Native::Blob(bytes.clone()),
    }
}

fn value(reference: ValueRef<'_>) -> Value {
    match reference {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(bytes) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

/// Randomness that is the same in every run: a counter, so ids never collide.
#[derive(Default)]
pub struct Counter(u64);

impl Entropy for Counter {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        self.0 += 1;
        let number = self.0.to_be_bytes();
        for (index, byte) in bytes.iter_mut().rev().enumerate() {
            *byte = number.iter().rev().nth(index).copied().unwrap_or(0);
        }
        Ok(())
    }
}
