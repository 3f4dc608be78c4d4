//! The outcome of a tool that returns a document.

use bus::wire::tool_result;
use serde_json::Value;

use crate::mcp::wire::answer::Answer;

/// A document, or the reason why there is none. Both become tool results, so that models see what was wrong with a
/// call.
pub enum ToolOutcome {
    Document(Value),
    Refused(String),
}

impl From<ToolOutcome> for Answer {
    fn from(outcome: ToolOutcome) -> Self {
        match outcome {
            ToolOutcome::Document(document) => tool_result::of(document, false).into(),
            ToolOutcome::Refused(reason) => tool_result::error(&reason).into(),
        }
    }
}
