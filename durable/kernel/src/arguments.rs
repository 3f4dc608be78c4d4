//! The parameters of a tool as data: one table gives its JSON Schema and checks the arguments of a call.
//!
//! The schema is for models and their libraries, which differ in what they can read: it says less than is checked, in
//! words that all of them take. Whatever is accepted in its plain form the schema admits.
//!
//! Models send `null` for what they do not mean, numbers in quotes, and objects as JSON text. All of it is taken where
//! it can mean one thing only. Nothing from outside enters an error message without a bound on its length.

mod kind;
mod schema;

pub use kind::{Bound, Kind};
use std::borrow::Cow;

pub use schema::InputSchema;
use serde_json::{Map, Value};

/// Characters of a caller's text that an error message repeats at most.
const QUOTED_CHARACTERS: usize = 40;

/// One parameter of a tool.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Param {
    pub name: &'static str,
    pub kind: Kind,
    pub default: DefaultValue,
    /// For the model that fills it in: what it means, its unit, when to leave it out.
    pub description: &'static str,
}

/// The value of an argument that was left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DefaultValue {
    /// There is none: leaving it out is an error.
    Required,
    Null,
    Text(&'static str),
    Integer(i64),
    Number(f64),
    Boolean(bool),
    EmptyList,
}

impl DefaultValue {
    /// The value itself; `None` when the parameter is required.
    #[must_use]
    pub fn value(self) -> Option<Value> {
        match self {
            Self::Required => None,
            Self::Null => Some(Value::Null),
            Self::Text(text) => Some(Value::from(text)),
            Self::Integer(number) => Some(Value::from(number)),
            Self::Number(number) => Some(Value::from(number)),
            Self::Boolean(flag) => Some(Value::from(flag)),
            Self::EmptyList => Some(Value::Array(Vec::new())),
        }
    }
}

impl Param {
    /// A parameter that every call must give.
    #[must_use]
    pub const fn required(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self { name, kind, default: DefaultValue::Required, description }
    }

    /// A parameter with a default.
    #[must_use]
    pub const fn optional(name: &'static str, kind: Kind, default: DefaultValue, description: &'static str) -> Self {
        Self { name, kind, default, description }
    }

    /// A parameter that may be `null`, which is also its default.
    #[must_use]
    pub const fn nullable(name: &'static str, kind: &'static Kind, description: &'static str) -> Self {
        Self { name, kind: Kind::Nullable(kind), default: DefaultValue::Null, description }
    }
}

/// Why the arguments of a call are refused. `Display` is one sentence for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    #[error("the arguments must be an object, got {got}")]
    NotAnObject { got: String },
    #[error("unknown argument {argument}: {known}")]
    Unknown { argument: String, known: String },
    #[error("{argument} is required: it must be {expected}")]
    Missing { argument: String, expected: String },
    #[error("{argument} must be {expected}, got {got}")]
    Invalid { argument: String, expected: String, got: String },
}

impl ArgumentError {
    /// An argument whose value is wrong for a reason that a table cannot say.
    #[must_use]
    pub fn invalid(argument: impl Into<String>, expected: impl Into<String>, got: &Value) -> Self {
        Self::Invalid { argument: argument.into(), expected: expected.into(), got: shown(got) }
    }
}

/// Checks `arguments` (an object, also as JSON text, or `null` for none) against `params` and fills in the defaults.
///
/// The result holds exactly one entry for each parameter. Integers written as `5.0` or `"5"` come back as `5`. `null`
/// stands for an argument that was left out.
///
/// # Errors
/// The first thing wrong: not an object, an argument the tool does not know, a required one missing, or a value of the
/// wrong type or out of range.
pub fn validate(params: &[Param], arguments: &Value) -> Result<Map<String, Value>, ArgumentError> {
    let none = Map::new();
    let arguments = unquoted(arguments);
    let given = match arguments.as_ref() {
        Value::Object(given) => given,
        Value::Null => &none,
        Value::String(text) if text.trim().is_empty() => &none,
        other => return Err(ArgumentError::NotAnObject { got: shown(other) }),
    };
    if let Some(unknown) = given.keys().find(|key| !params.iter().any(|param| param.name == key.as_str())) {
        return Err(ArgumentError::Unknown { argument: quoted(unknown), known: known(params) });
    }
    let mut checked = Map::new();
    for param in params {
        let is_left_out = |value: &&Value| value.is_null() && param.default != DefaultValue::Required;
        let value = match given.get(param.name).filter(|value| !is_left_out(value)) {
            Some(value) => param.kind.check(param.name, value)?,
            None => param.default.value().ok_or_else(|| ArgumentError::Missing {
                argument: param.name.to_owned(),
                expected: param.kind.to_string(),
            })?,
        };
        checked.insert(param.name.to_owned(), value);
    }
    Ok(checked)
}

/// An object that came as JSON text; anything else as it is.
#[must_use]
pub fn unquoted(arguments: &Value) -> Cow<'_, Value> {
    match arguments.as_str().and_then(|text| written_out(text, Value::is_object)) {
        Some(written) => Cow::Owned(written),
        None => Cow::Borrowed(arguments),
    }
}

/// The value that a JSON text stands for, if it is one that fits.
fn written_out(text: &str, fits: impl Fn(&Value) -> bool) -> Option<Value> {
    serde_json::from_str(text.trim_start_matches('\u{feff}')).ok().filter(fits)
}

fn known(params: &[Param]) -> String {
    if params.is_empty() {
        return "there are no arguments to give".to_owned();
    }
    let names: Vec<&str> = params.iter().map(|param| param.name).collect();
    format!("known are {}", names.join(", "))
}

/// A value as an error message shows it: scalars as JSON, shortened; lists and objects by their size.
fn shown(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("a list of {}", counted(items.len(), "item")),
        Value::Object(entries) => format!("an object of {}", counted(entries.len(), "entry")),
    }
}

/// A text in JSON's quotes and escapes, cut after [`QUOTED_CHARACTERS`] with its length told.
#[must_use]
pub fn quoted(text: &str) -> String {
    let start: String = text.chars().take(QUOTED_CHARACTERS).collect();
    if start.len() == text.len() {
        return Value::String(start).to_string();
    }
    let length = text.chars().count();
    format!("{} ({length} characters)", Value::String(start + "…"))
}

fn counted(count: usize, noun: &str) -> String {
    match (count, noun) {
        (1, _) => format!("1 {noun}"),
        (_, "entry") => format!("{count} entries"),
        _ => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests;
