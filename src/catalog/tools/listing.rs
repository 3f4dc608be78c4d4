//! `tools/list`: the tables as the JSON that clients get.

use std::sync::{Arc, OnceLock};

use kernel::arguments::InputSchema;
use rmcp::model::{JsonObject, ToolAnnotations};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, to_value};

use super::model::{AccountTool, Annotations, Tool};
use super::{output, served};

/// The value of `tools` in a list result: a JSON array, made once in the life of an isolate.
#[must_use]
pub fn list() -> &'static RawValue {
    static LIST: OnceLock<Box<RawValue>> = OnceLock::new();
    LIST.get_or_init(|| {
        let tools: Vec<rmcp::model::Tool> = served().map(listed).collect();
        // Constant tables always serialize; a test reads the list.
        to_raw_value(&tools).unwrap_or_default()
    })
}

fn listed(tool: Tool) -> rmcp::model::Tool {
    let (title, description, output_schema) = match tool {
        Tool::Dispatch(tool) => (tool.title, tool.description, output::envelope(tool.command())),
        Tool::Bus(tool) | Tool::Job(tool) => (tool.title, tool.description, (tool.output)()),
        Tool::Account(AccountTool { listing, .. }) => (listing.title, listing.description, (listing.output)()),
    };
    let input_schema = to_value(InputSchema(&tool.parameters())).unwrap_or_default();
    rmcp::model::Tool::new(tool.name(), description, object(input_schema))
        .with_title(title)
        .with_raw_output_schema(object(output_schema))
        .with_annotations(titled(tool.annotations(), title))
}

fn object(schema: Value) -> Arc<JsonObject> {
    match schema {
        Value::Object(schema) => Arc::new(schema),
        _ => Arc::default(),
    }
}

/// With the title, which clients of revisions before 2025-06-18 look for here.
fn titled(annotations: Annotations, title: &str) -> ToolAnnotations {
    ToolAnnotations::with_title(title)
        .read_only(annotations.read_only)
        .destructive(annotations.destructive)
        .idempotent(annotations.idempotent)
        .open_world(annotations.open_world)
}
