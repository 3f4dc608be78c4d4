//! The id of a JSON-RPC request, and other values that are returned as the client wrote them.
//!
//! JSON sets no limit to numbers; a parser that holds them in 64 bits would return a large one changed.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;
use serde_json::value::RawValue;

/// JSON text of a string or a number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Id(String);

impl Id {
    /// The id in a value, if it is a string or a number. `message` is the text that the value was parsed from, and `path`
    /// the keys that lead to it.
    pub fn of(value: &Value, message: &str, path: &[&str]) -> Option<Self> {
        match value {
            Value::Number(number) if number.is_f64() => Some(Self(written(message, path).unwrap_or(value.to_string()))),
            Value::Number(_) | Value::String(_) => Some(Self(value.to_string())),
            _ => None,
        }
    }

    /// The id as JSON text.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    #[cfg(test)]
    pub fn number(number: i64) -> Self {
        Self(number.to_string())
    }

    /// The id as a value. A number beyond 64 bits becomes the nearest one.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A value inside an object, as it is written there.
fn written(message: &str, path: &[&str]) -> Option<String> {
    let mut text = message;
    for key in path {
        let fields: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
        text = fields.get(*key)?.get();
    }
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::Id;
    use serde_json::{Value, json};

    fn id(message: &str) -> Option<String> {
        let value: Value = serde_json::from_str(message).unwrap();
        Id::of(&value["params"]["id"], message, &["params", "id"]).map(|id| id.to_string())
    }

    #[test]
    fn numbers_of_any_size_stay_as_they_are_written() {
        let numbers = ["0", "-7", "18446744073709551615", "18446744073709551616", "-9223372036854775809"];
        for number in numbers.iter().chain(&["1.50", "1e3", "123456789012345678901234567890.5"]) {
            let message = format!(r#"{{"params": {{"a": [1], "id": {number} }}, "id": 3}}"#);
            assert_eq!(id(&message).as_deref(), Some(*number));
        }
        // Of a repeated key the last counts, in either reading.
        assert_eq!(id(r#"{"params": {"id": 1e5}, "params": {"id": 1e3, "id": 1e4}}"#).as_deref(), Some("1e4"));
    }

    #[test]
    fn strings_have_one_form_and_nothing_else_is_an_id() {
        assert_eq!(id(r#"{"params": {"id": "\u0061\"" }}"#), Some(json!("a\"").to_string()));
        for other in ["null", "true", "[1]", "{}"] {
            assert_eq!(id(&format!(r#"{{"params": {{"id": {other}}}}}"#)), None);
        }
    }
}
