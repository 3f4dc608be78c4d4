//! `tools/list`: the tables as the JSON that clients get.
use std::sync::{Arc, OnceLock};

use kernel::arguments::InputSchema;
use rmcp::model::{JsonObject, ToolAnnotations};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, to_value};

use super::{AccountTool, Tool, output, served};

/// What a client may assume of a call before it is made. All four are always written, since two of the protocol's
/// defaults are `true`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Annotations {
    /// It changes nothing.
    pub read_only: bool,
    /// It may delete or overwrite what it did not make.
    pub destructive: bool,
    /// A second call with the same arguments changes nothing more.
    pub idempotent: bool,
    /// It reaches services beyond Blender and the bus.
    pub open_world: bool,
}

impl Annotations {
    /// Looks, inside Blender or on the bus.
    pub const READ: Self = Self { read_only: true, destructive: false, idempotent: true, open_world: false };
    /// Asks an online service.
    pub const SEARCH: Self = Self { open_world: true, ..Self::READ };
    /// Adds or sets something; twice is more than once.
    pub const CHANGE: Self = Self { read_only: false, destructive: false, idempotent: false, open_world: false };
    /// Sets something; twice is the same as once.
    pub const SET: Self = Self { idempotent: true, ..Self::CHANGE };
    /// Brings something in from an online service.
    pub const DOWNLOAD: Self = Self { open_world: true, ..Self::CHANGE };
    /// May delete or overwrite.
    pub const DESTRUCTIVE: Self = Self { destructive: true, ..Self::CHANGE };
    /// Deletes; deleting again changes nothing.
    pub const DELETE: Self = Self { idempotent: true, ..Self::DESTRUCTIVE };

    /// With the title, which clients of revisions before 2025-06-18 look for here.
    fn titled(self, title: &str) -> ToolAnnotations {
        ToolAnnotations::with_title(title)
            .read_only(self.read_only)
            .destructive(self.destructive)
            .idempotent(self.idempotent)
            .open_world(self.open_world)
    }
}

/// The value of `tools` in a list result: a JSON array, made once in the life of an isolate.
#[must_use]
pub fn list() -> &'static RawValue {
    static LIST: OnceLock<Box<RawValue>> = OnceLock::new();
    LIST.get_or_init(|| {
        let tools: Vec<rmcp::model::Tool> = served().map(listed).collect();
        // Constant tables serialize, or the test that reads the list fails.
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
        .with_annotations(tool.annotations().titled(title))
}

fn object(schema: Value) -> Arc<JsonObject> {
    match schema {
        Value::Object(schema) => Arc::new(schema),
        _ => Arc::default(),
    }
}
