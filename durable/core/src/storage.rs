//! The database as the core sees it: a small synchronous SQLite.
//!
//! In production this is the object's own SQLite, whose writes become durable together as long as nothing awaits between
//! them and which holds every reply back until they are; in tests it is SQLite in memory. `Err` does not roll earlier
//! writes back, so callers validate first and write last.

use thiserror::Error;

/// A value going into or coming out of SQLite.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

/// The database failed. The text is for logs, never for strangers.
#[derive(Debug, Error)]
pub enum StorageError {
    #[error("statement failed: {0}")]
    Statement(String),
    #[error("column {column} is not {expected}")]
    Column { column: usize, expected: &'static str },
    #[error("schema is at version {found}, this build knows {known}")]
    Newer { found: i64, known: i64 },
}

pub trait Sql {
    /// Runs one statement with positional `?` parameters (at most 100) and returns its rows.
    fn query(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Row>, StorageError>;

    /// Bytes that the database takes.
    fn size(&self) -> Result<u64, StorageError>;

    /// Runs several statements without parameters.
    fn batch(&self, statements: &str) -> Result<(), StorageError>;
}

/// One row, read by position in the order of the `SELECT`.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(pub Vec<Value>);

impl Row {
    pub fn text(&self, column: usize) -> Result<String, StorageError> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(text.clone()),
            _ => Err(StorageError::Column { column, expected: "text" }),
        }
    }

    pub fn optional_text(&self, column: usize) -> Result<Option<String>, StorageError> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(None),
            _ => self.text(column).map(Some),
        }
    }

    pub fn integer(&self, column: usize) -> Result<i64, StorageError> {
        match self.0.get(column) {
            Some(Value::Integer(number)) => Ok(*number),
            _ => Err(StorageError::Column { column, expected: "an integer" }),
        }
    }

    pub fn optional_integer(&self, column: usize) -> Result<Option<i64>, StorageError> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(None),
            _ => self.integer(column).map(Some),
        }
    }

    pub fn boolean(&self, column: usize) -> Result<bool, StorageError> {
        self.integer(column).map(|number| number != 0)
    }

    pub fn blob(&self, column: usize) -> Result<Vec<u8>, StorageError> {
        match self.0.get(column) {
            Some(Value::Blob(bytes)) => Ok(bytes.clone()),
            _ => Err(StorageError::Column { column, expected: "a blob" }),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Integer(i64::from(flag))
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Parameters of a statement: `params![a, b]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::storage::Value::from($value)),*] };
}
