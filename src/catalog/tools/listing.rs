//! `tools/list`: the tables as the JSON that clients get.

use std::sync::{Arc, OnceLock};

use kernel::access::Guest;
use kernel::arguments::InputSchema;
use rmcp::model::{JsonObject, ToolAnnotations};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json, to_value};

use crate::catalog::app;

use super::model::{AccountTool, Annotations, Tool};
use super::{Profile, output, served};

/// The value of `tools` in a list result: a JSON array, made once in the life of an isolate.
#[must_use]
pub fn list(profile: Profile) -> &'static RawValue {
    static LISTS: [OnceLock<Box<RawValue>>; 4] = [const { OnceLock::new() }; 4];
    // Each profile has a place in the array.
    match Profile::ALL.iter().zip(&LISTS).find(|(known, _)| **known == profile) {
        Some((_, list)) => list.get_or_init(|| made(listed_in(profile))),
        None => RawValue::NULL,
    }
}

/// The same of what a guest may call, at whichever address.
#[must_use]
pub fn list_for(guest: Guest) -> &'static RawValue {
    static WATCH: OnceLock<Box<RawValue>> = OnceLock::new();
    static WORK: OnceLock<Box<RawValue>> = OnceLock::new();
    let list = match guest {
        Guest::Watch => &WATCH,
        Guest::Work => &WORK,
    };
    list.get_or_init(|| made(served().filter(|tool| tool.is_shared_with(guest)).map(listed)))
}

fn made(tools: impl Iterator<Item = rmcp::model::Tool>) -> Box<RawValue> {
    // Constant tables always serialize; a test reads the lists.
    to_raw_value(&tools.collect::<Vec<_>>()).unwrap_or_default()
}

fn listed_in(profile: Profile) -> impl Iterator<Item = rmcp::model::Tool> {
    served().filter(move |tool| profile.lists(*tool)).map(listed)
}

/// How many bytes of a profile's list clients pass on to their model: names, descriptions and input schemas, as JSON.
#[must_use]
pub fn bytes_to_models(profile: Profile) -> usize {
    let shown = |tool: rmcp::model::Tool| {
        let told = json!({"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema});
        told.to_string().len()
    };
    listed_in(profile).map(shown).sum()
}

fn listed(tool: Tool) -> rmcp::model::Tool {
    let (title, description, output_schema) = match tool {
        Tool::Dispatch(tool) => (tool.title, tool.description, output::envelope()),
        Tool::Bus(tool) | Tool::Job(tool) | Tool::File(tool) => (tool.title, tool.description, (tool.output)()),
        Tool::Account(AccountTool { listing, .. }) => (listing.title, listing.description, (listing.output)()),
    };
    let input_schema = to_value(InputSchema(&tool.parameters())).unwrap_or_default();
    let mut listed = rmcp::model::Tool::new(tool.name(), description, object(input_schema))
        .with_title(title)
        .with_raw_output_schema(object(output_schema))
        .with_annotations(titled(tool.annotations(), title));
    if let Tool::Dispatch(tool) = tool {
        listed.meta = app::of_tool(tool.command());
    }
    listed
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
