//! SQLite in memory and repeatable randomness, for tests. The database binds and returns values as the runtime's does, where
//! every number is a double; `tests/sql_cases.json` says what that comes to, and is run on both.

#![allow(clippy::expect_used, clippy::arithmetic_side_effects)]
use core::cell::Cell;

use rusqlite::limits::Limit;
use rusqlite::types::{Value as Native, ValueRef};
use rusqlite::{Connection, Statement, StatementStatus, params_from_iter};

use crate::ids::{Entropy, EntropyError};
use crate::storage::{MAX_VALUE_BYTES, Row, Sql, StorageError, Value};

pub struct Memory {
    connection: Connection,
    work: Cell<Work>,
}

/// What statements have cost so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    pub statements: u32,
    /// Operations of SQLite's virtual machine: the same for the same work, whatever the machine.
    pub steps: i64,
    /// Rows stepped over without an index.
    pub scanned: i64,
    pub rows_written: u64,
}

impl Memory {
    pub fn new() -> Self {
        let connection = Connection::open_in_memory().expect("SQLite opens in memory");
        // Enforced on Cloudflare for values and rows, not by a local runtime.
        let longest = i32::try_from(MAX_VALUE_BYTES).expect("the limit is small");
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, longest).expect("the limit is one of SQLite's");
        Self { connection, work: Cell::default() }
    }

    /// What was done since this was last asked.
    pub fn take_work(&self) -> Work {
        self.work.take()
    }

    fn count(&self, statement: &Statement<'_>, rows_written: u64) {
        let mut work = self.work.get();
        work.statements += 1;
        work.steps += i64::from(statement.reset_status(StatementStatus::VmStep));
        work.scanned += i64::from(statement.reset_status(StatementStatus::FullscanStep));
        work.rows_written += rows_written;
        self.work.set(work);
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Sql for Memory {
    fn run(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Row>, StorageError> {
        let failed = |error: rusqlite::Error| StorageError::Statement(error.to_string());
        let mut prepared = self.connection.prepare_cached(statement).map_err(failed)?;
        let columns = prepared.column_count();
        let mut rows = prepared.query(params_from_iter(parameters.iter().map(native))).map_err(failed)?;
        let mut result = Vec::new();
        let written_before = self.connection.total_changes();
        while let Some(row) = rows.next().map_err(failed)? {
            let values = (0..columns).map(|column| row.get_ref(column).map(value)).collect::<Result<_, _>>();
            result.push(Row(values.map_err(failed)?));
        }
        drop(rows);
        self.count(&prepared, self.connection.total_changes() - written_before);
        Ok(result)
    }

    fn size(&self) -> Result<u64, StorageError> {
        let statement = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        let bytes: i64 = self
            .connection
            .query_row(statement, [], |row| row.get(0))
            .map_err(|error| StorageError::Statement(error.to_string()))?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }

    fn batch(&self, statements: &str) -> Result<(), StorageError> {
        self.connection.execute_batch(statements).map_err(|error| StorageError::Statement(error.to_string()))
    }
}

fn native(value: &Value) -> Native {
    match value {
        Value::Null => Native::Null,
        Value::Integer(number) => Native::Real(double(*number)),
        Value::Real(number) => Native::Real(*number),
        Value::Text(text) => Native::Text(text.clone()),
        Value::Blob(bytes) => Native::Blob(bytes.clone()),
    }
}

fn value(reference: ValueRef<'_>) -> Value {
    match reference {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::of_number(double(number)),
        ValueRef::Real(number) => Value::of_number(number),
        ValueRef::Text(bytes) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

/// An integer as a JavaScript number.
#[allow(clippy::cast_precision_loss)]
fn double(number: i64) -> f64 {
    number as f64
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
