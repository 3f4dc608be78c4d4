//! The prompts: templates that a person picks, filled with their words. They dispatch nothing.
//!
//! The texts stand beside this file, in Markdown. A `{{name}}` in them is replaced once; what is put in is never looked
//! through again, so nothing a caller writes can pull in another part.

mod advice;
mod filled;
mod render;
mod table;

use std::sync::OnceLock;
pub use table::{Argument, Prompt, Values};

use kernel::arguments::{ArgumentError, Param, quoted, validate};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// The forms of a target: a client, a group, every client of a type, or every other client.
pub const TARGET_FORMS: &[&str] = &["uuid:", "group:", "type:", "type:blender", "broadcast"];

/// A prompt filled in: one message in the user's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    pub description: &'static str,
    pub text: String,
}

/// Why a prompt cannot be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    #[error("unknown prompt {name}")]
    Unknown { name: String },
    #[error(transparent)]
    Argument(#[from] ArgumentError),
}

/// The value of `prompts` in a list result: a JSON array, made once in the life of an isolate.
#[must_use]
pub fn list() -> &'static RawValue {
    static LIST: OnceLock<Box<RawValue>> = OnceLock::new();
    LIST.get_or_init(|| {
        let prompts: Vec<rmcp::model::Prompt> = table::PROMPTS.iter().map(listed).collect();
        to_raw_value(&prompts).unwrap_or_default()
    })
}

/// Fills in a prompt. `arguments` is an object of strings; an optional one that is empty or `null` counts as left out.
///
/// # Errors
/// [`PromptError`] for an unknown prompt or argument, a missing one, or one that is no string, empty or too long.
pub fn render(name: &str, arguments: &Value) -> Result<Rendered, PromptError> {
    let prompt = find(name).ok_or_else(|| PromptError::Unknown { name: quoted(name) })?;
    let parameters: Vec<Param> = prompt.arguments.iter().map(|argument| argument.param).collect();
    let filled = validate(&parameters, &given(&parameters, arguments))?;
    Ok(Rendered { description: prompt.description, text: (prompt.text)(&filled::Filled(filled)) })
}

/// One argument of a prompt.
#[must_use]
pub fn argument(prompt: &str, argument: &str) -> Option<&'static Argument> {
    find(prompt)?.arguments.iter().find(|known| known.param.name == argument)
}

fn find(name: &str) -> Option<&'static Prompt> {
    table::PROMPTS.iter().find(|prompt| prompt.name == name)
}

/// Drops optional arguments that are blank: forms send empty fields for them.
fn given(parameters: &[Param], arguments: &Value) -> Value {
    let Value::Object(arguments) = arguments else { return arguments.clone() };
    let optional = |name: &str| parameters.iter().any(|param| param.name == name && param.default.value().is_some());
    let is_blank = |value: &Value| value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
    let given = arguments.iter().filter(|(name, value)| !(optional(name) && is_blank(value)));
    Value::Object(given.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn listed(prompt: &Prompt) -> rmcp::model::Prompt {
    let arguments = prompt.arguments.iter().map(|argument| {
        rmcp::model::PromptArgument::new(argument.param.name)
            .with_title(argument.title)
            .with_description(argument.param.description)
            .with_required(argument.param.default.value().is_none())
    });
    rmcp::model::Prompt::new(prompt.name, Some(prompt.description), Some(arguments.collect())).with_title(prompt.title)
}

#[cfg(test)]
mod tests;
