//! `tools/list`: the tables as the JSON that clients get.

use std::sync::OnceLock;

use bus_core::arguments::{InputSchema, Param};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::{Tool, output, served};

/// What a client may assume of a call before it is made. All four are always written, since two of the protocol's
/// defaults are `true`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Annotations {
    #[serde(rename = "readOnlyHint")]
    pub read_only: bool,
    /// It may delete or overwrite what it did not make.
    #[serde(rename = "destructiveHint")]
    pub destructive: bool,
    /// A second call with the same arguments changes nothing more.
    #[serde(rename = "idempotentHint")]
    pub idempotent: bool,
    /// It reaches services beyond Blender and the bus.
    #[serde(rename = "openWorldHint")]
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
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    input_schema: InputSchema<'a>,
    output_schema: Value,
    annotations: TitledAnnotations,
}

/// Revisions before 2025-06-18 look for the title here.
#[derive(Serialize)]
struct TitledAnnotations {
    title: &'static str,
    #[serde(flatten)]
    annotations: Annotations,
}

/// The value of `tools` in a list result: a JSON array, made once in the life of an isolate.
#[must_use]
pub fn list() -> &'static RawValue {
    static LIST: OnceLock<Box<RawValue>> = OnceLock::new();
    LIST.get_or_init(|| {
        let tools: Vec<(Tool, Vec<Param>)> = served().map(|tool| (tool, tool.parameters())).collect();
        let entries: Vec<Entry<'_>> = tools.iter().map(|(tool, parameters)| entry(*tool, parameters)).collect();
        // Constant tables serialize, or the test that reads the list fails.
        to_raw_value(&entries).unwrap_or_default()
    })
}

fn entry(tool: Tool, parameters: &[Param]) -> Entry<'_> {
    let (title, description, output_schema) = match tool {
        Tool::Dispatch(tool) => (tool.title, tool.description, output::envelope(tool.command())),
        Tool::Bus(tool) | Tool::Job(tool) => (tool.title, tool.description, (tool.output)()),
    };
    Entry {
        name: tool.name(),
        title,
        description,
        input_schema: InputSchema(parameters),
        output_schema,
        annotations: TitledAnnotations { title, annotations: tool.annotations() },
    }
}
