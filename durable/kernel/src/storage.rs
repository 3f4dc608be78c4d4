//! The database as the core sees it: a small synchronous SQLite.
//!
//! In production this is the object's own SQLite, whose writes become durable together as long as nothing awaits between
//! them and which holds every reply back until they are; in tests it is SQLite in memory. `Err` does not roll earlier
//! writes back, so callers validate first and write last.
//!
//! The object's SQLite is reached through JavaScript, whose only number is a double. An integer beyond 2^53 arrives there
//! as another number, and as one that `LIMIT` and STRICT columns refuse; NaN arrives as NULL. `Sql::query` is the one way
//! in, and refuses what would not arrive as it is. The SQLite of the tests binds and returns values the way the runtime
//! does; `tests/sql_cases.json` holds the cases that are run on both.

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

impl Value {
    /// What a number is that JavaScript returns: an integer if it is one that JavaScript holds exactly.
    #[allow(clippy::cast_possible_truncation)]
    pub fn of_number(number: f64) -> Self {
        if number.fract() == 0.0 && number.abs() <= MAX_INTEGER_AS_NUMBER {
            Self::Integer(number as i64)
        } else {
            Self::Real(number)
        }
    }
}

/// The database failed. The text is for logs, never for strangers.
#[derive(Debug, Error)]
pub enum StorageError {
    #[error("statement failed: {0}")]
    Statement(String),
    #[error("parameter {place} of a statement is {what}, which the runtime cannot store")]
    Parameter { place: usize, what: &'static str },
    #[error("column {column} is not {expected}")]
    Column { column: usize, expected: &'static str },
    #[error("schema is at version {found}, this build knows {known}")]
    Newer { found: i64, known: i64 },
}

/// The largest integer that a JavaScript number holds exactly, 2^53 - 1.
pub const MAX_INTEGER: i64 = 9_007_199_254_740_991;
/// The same as JavaScript has it.
#[allow(clippy::cast_precision_loss)]
const MAX_INTEGER_AS_NUMBER: f64 = MAX_INTEGER as f64;
/// The longest text or blob, in bytes. Cloudflare refuses a longer one, and a longer row; a local runtime takes it.
pub const MAX_VALUE_BYTES: usize = 2_000_000;

pub trait Sql {
    /// Runs one statement with positional `?` parameters (at most 100) and returns its rows.
    ///
    /// # Errors
    /// `StorageError::Parameter` for a value that would not arrive in the database as it is.
    fn query(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Row>, StorageError> {
        for (place, value) in parameters.iter().enumerate() {
            if let Some(what) = unstorable(value) {
                return Err(StorageError::Parameter { place, what });
            }
        }
        self.run(statement, parameters)
    }

    /// Runs a statement whose parameters `query` has checked.
    fn run(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Row>, StorageError>;

    /// Bytes that the database takes.
    fn size(&self) -> Result<u64, StorageError>;

    /// Runs several statements without parameters.
    fn batch(&self, statements: &str) -> Result<(), StorageError>;
}

/// Why a value cannot be stored, if it cannot. (Text with lone surrogates cannot be written in Rust.)
fn unstorable(value: &Value) -> Option<&'static str> {
    match value {
        Value::Integer(number) if number.unsigned_abs() > MAX_INTEGER.unsigned_abs() => Some("an integer beyond 2^53"),
        Value::Real(number) if !number.is_finite() => Some("not a finite number"),
        Value::Text(text) if text.len() > MAX_VALUE_BYTES => Some("a text over 2 MB"),
        Value::Blob(bytes) if bytes.len() > MAX_VALUE_BYTES => Some("a blob over 2 MB"),
        _ => None,
    }
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
