//! The resources: what the lists show, and a URI as what it names.
//!
//! Ids inside a URI are percent-encoded; whatever is decoded obeys the same limits as a tool's argument.

use std::borrow::Cow;
use std::sync::OnceLock;

use bus::wire::tool_parameters::MAX_ID;
use kernel::arguments::{ArgumentError, Kind, quoted};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rmcp::model::{Resource, ResourceTemplate};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::tools::{CONSOLE_LEVELS, DispatchCall, DispatchTool, MAX_INTEGER};
use super::{app, skills};

pub const MIME_TYPE: &str = "application/json";

const SCHEME: &str = "blender://";
/// Items or lines on a page of the paged resources.
const PAGE_SIZE: u32 = 50;
/// What RFC 3986 lets stand unencoded in a segment beside letters and digits, as far as ids use it.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A resource or a template, as the lists show it.
struct Listing {
    /// With `{...}` it is a template.
    uri: &'static str,
    name: &'static str,
    title: &'static str,
    description: &'static str,
}

const RESOURCES: &[Listing] = &[
    Listing {
        uri: "blender://bus/clients",
        name: "bus_clients",
        title: "Clients on the bus",
        description: "Blenders and other clients on your bus, persistent and ephemeral, and which are connected.",
    },
    Listing {
        uri: "blender://bus/stats",
        name: "bus_stats",
        title: "Bus statistics",
        description: "How many clients are on your bus and how many of your jobs are not done yet.",
    },
    Listing {
        uri: "blender://files",
        name: "files",
        title: "Files",
        description: "Your newest files on the server, as blender_list_files shows them. Can be subscribed to.",
    },
    Listing {
        uri: "blender://scene/info",
        name: "scene_info",
        title: "Scene info",
        description: "Overview of the scene open in the connected Blender, as blender_get_scene_info gives it.",
    },
    Listing {
        uri: "blender://scene/objects",
        name: "scene_objects",
        title: "Objects",
        description: "The first 50 objects of the file open in the connected Blender. blender_browse_data has the \
                      rest.",
    },
];

const TEMPLATES: &[Listing] = &[
    Listing {
        uri: "blender://console/{level}",
        name: "console",
        title: "Console output",
        description: "First page of the connected Blender's console output of one level: all, info, warning, error, \
                      output or input; 50 lines.",
    },
    Listing {
        uri: "blender://console/{level}/{page}",
        name: "console_page",
        title: "Console output, one page",
        description: "One page of the connected Blender's console output of one level. Pages of 50 lines, from 1.",
    },
];

const JOB_TEMPLATES: &[Listing] = &[
    Listing {
        uri: "blender://jobs/{job_id}",
        name: "job",
        title: "Job",
        description: "State, progress and result of one of your jobs. Can be subscribed to.",
    },
    Listing {
        uri: "blender://files/{file_id}",
        name: "file",
        title: "File",
        description: "One of your files: its bytes up to 1 MiB, else what is known of it with a url. Can be subscribed to.",
    },
    Listing {
        uri: "blender://inbox/{client_uuid}",
        name: "inbox",
        title: "Inbox",
        description: "Messages that wait for a registered client of yours. Can be subscribed to.",
    },
];

/// What a URI names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceRef {
    Clients,
    Stats,
    SceneInfo,
    SceneObjects,
    /// `level` is one of [`CONSOLE_LEVELS`], `page` counts from 1.
    Console {
        level: &'static str,
        page: u32,
    },
    Job {
        id: String,
    },
    Inbox {
        uuid: String,
    },
    Files,
    File {
        id: String,
    },
}

/// Why a URI names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResourceError {
    #[error("unknown resource {uri}")]
    Unknown { uri: String },
    /// The template is known, what fills it is wrong.
    #[error("{uri}: {reason}")]
    Part { uri: String, reason: ArgumentError },
}

impl ResourceRef {
    /// # Errors
    /// [`ResourceError`] naming the URI (shortened) and, for a known template, the part that is wrong.
    pub fn parse(uri: &str) -> Result<Self, ResourceError> {
        let unknown = || ResourceError::Unknown { uri: quoted(uri) };
        let part = |reason| ResourceError::Part { uri: quoted(uri), reason };
        let path = uri.strip_prefix(SCHEME).ok_or_else(unknown)?;
        let segments: Vec<&str> = path.splitn(4, '/').collect();
        match segments[..] {
            ["bus", "clients"] => Ok(Self::Clients),
            ["bus", "stats"] => Ok(Self::Stats),
            ["scene", "info"] => Ok(Self::SceneInfo),
            ["scene", "objects"] => Ok(Self::SceneObjects),
            ["console", level] => Ok(Self::Console { level: console_level(level).map_err(part)?, page: 1 }),
            ["console", level, page] => {
                let level = console_level(level).map_err(part)?;
                Ok(Self::Console { level, page: page_number(page).map_err(part)? })
            }
            ["jobs", id] => Ok(Self::Job { id: decoded_id("job_id", id).map_err(part)? }),
            ["files"] => Ok(Self::Files),
            ["files", id] => Ok(Self::File { id: decoded_id("file_id", id).map_err(part)? }),
            ["inbox", uuid] => Ok(Self::Inbox { uuid: decoded_id("client_uuid", uuid).map_err(part)? }),
            _ => Err(unknown()),
        }
    }

    /// The URI that names it, in its shortest form.
    #[must_use]
    pub fn uri(&self) -> String {
        let encoded = |id: &str| utf8_percent_encode(id, SEGMENT).to_string();
        match self {
            Self::Clients => "blender://bus/clients".to_owned(),
            Self::Stats => "blender://bus/stats".to_owned(),
            Self::SceneInfo => "blender://scene/info".to_owned(),
            Self::SceneObjects => "blender://scene/objects".to_owned(),
            Self::Console { level, page: 1 } => format!("blender://console/{level}"),
            Self::Console { level, page } => format!("blender://console/{level}/{page}"),
            Self::Job { id } => format!("blender://jobs/{}", encoded(id)),
            Self::Files => "blender://files".to_owned(),
            Self::File { id } => format!("blender://files/{}", encoded(id)),
            Self::Inbox { uuid } => format!("blender://inbox/{}", encoded(uuid)),
        }
    }

    /// The call that reads it from a Blender; `None` when the bus itself has it.
    #[must_use]
    pub fn dispatch(&self) -> Option<DispatchCall> {
        let (command, arguments) = match self {
            Self::SceneInfo => ("get_scene_info", json!({})),
            Self::SceneObjects => ("browse_data", json!({"collection": "objects", "page": 1, "page_size": PAGE_SIZE})),
            Self::Console { level, page } => {
                ("get_console_output", json!({"level": level, "page": page, "page_size": PAGE_SIZE}))
            }
            Self::Clients | Self::Stats | Self::Job { .. } | Self::Inbox { .. } | Self::Files | Self::File { .. } => {
                return None;
            }
        };
        DispatchCall::parse(DispatchTool::of_command(command)?, &arguments).ok()
    }

    /// Whether clients can ask to be told when it changes.
    #[must_use]
    pub const fn is_subscribable(&self) -> bool {
        !matches!(self, Self::SceneInfo | Self::SceneObjects | Self::Console { .. })
    }
}

/// The value of `resources` in a list result: a JSON array, made once in the life of an isolate.
#[must_use]
pub fn list() -> &'static RawValue {
    static LIST: OnceLock<Box<RawValue>> = OnceLock::new();
    LIST.get_or_init(|| {
        let own = RESOURCES.iter().map(|listing| {
            Resource::new(listing.uri, listing.name)
                .with_title(listing.title)
                .with_description(listing.description)
                .with_mime_type(MIME_TYPE)
        });
        let skills = skills::manifests().map(|(uri, name, description)| {
            Resource::new(uri, name).with_description(description).with_mime_type(skills::MIME_TYPE)
        });
        let shown = Resource::new(app::URI, app::NAME)
            .with_title(app::TITLE)
            .with_description(app::DESCRIPTION)
            .with_mime_type(app::MIME_TYPE)
            .with_meta(app::meta(app::needs()));
        let resources: Vec<Resource> = own.chain(skills).chain([shown]).collect();
        to_raw_value(&resources).unwrap_or_default()
    })
}

/// The value of `resourceTemplates` in a list result.
#[must_use]
pub fn list_templates() -> &'static RawValue {
    static LIST: OnceLock<Box<RawValue>> = OnceLock::new();
    LIST.get_or_init(|| {
        let templates: Vec<ResourceTemplate> = templates()
            .map(|listing| {
                ResourceTemplate::new(listing.uri, listing.name)
                    .with_title(listing.title)
                    .with_description(listing.description)
                    .with_mime_type(MIME_TYPE)
            })
            .collect();
        to_raw_value(&templates).unwrap_or_default()
    })
}

fn templates() -> impl Iterator<Item = &'static Listing> {
    TEMPLATES.iter().chain(JOB_TEMPLATES)
}

/// Whether this is the URI template of a resource on offer.
#[must_use]
pub fn is_template(uri_template: &str) -> bool {
    templates().any(|listing| listing.uri == uri_template)
}

fn console_level(segment: &str) -> Result<&'static str, ArgumentError> {
    let decoded = decoded("level", segment)?;
    let known = CONSOLE_LEVELS.iter().find(|level| **level == decoded);
    known.copied().ok_or_else(|| {
        let expected = Kind::OneOf(CONSOLE_LEVELS).to_string();
        ArgumentError::invalid("level", expected, &Value::from(decoded.as_ref()))
    })
}

/// A page is digits alone: no sign, no leading zero.
fn page_number(segment: &str) -> Result<u32, ArgumentError> {
    let segment = &*decoded("page", segment)?;
    let is_plain = segment.chars().all(|digit| digit.is_ascii_digit()) && !segment.starts_with('0');
    let page = segment.parse().ok().filter(|page| is_plain && i64::from(*page) <= MAX_INTEGER);
    page.ok_or_else(|| {
        let expected = Kind::Integer { min: 1, max: MAX_INTEGER }.to_string();
        ArgumentError::invalid("page", expected, &Value::from(segment))
    })
}

fn decoded_id(name: &str, segment: &str) -> Result<String, ArgumentError> {
    let id = decoded(name, segment)?;
    Kind::Label { max: MAX_ID }.check(name, &Value::from(id.as_ref()))?;
    Ok(id.into_owned())
}

fn decoded<'a>(name: &str, segment: &'a str) -> Result<Cow<'a, str>, ArgumentError> {
    percent_decode_str(segment)
        .decode_utf8()
        .map_err(|_| ArgumentError::invalid(name, "percent-encoded UTF-8", &Value::from(segment)))
}

#[cfg(test)]
mod tests;
