//! The checked arguments of a prompt.

use serde_json::{Map, Value};

/// The checked arguments of a prompt.
pub struct Filled(pub Map<String, Value>);

impl Filled {
    /// The argument's text; empty when it was left out and has no default.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}
