//! The types of tools, and parsing a call of a dispatch tool.

use std::borrow::Cow;

use ::bus::wire::guests::PICTURE;
use ::bus::wire::rights;
use ::bus::wire::tables::{BUS_TOOLS, FILE_TOOLS, JOB_TOOLS};
use ::bus::wire::tool_parameters::{MAX_ID, ToolParameters};
use kernel::access::Guest;
use kernel::arguments::{ArgumentError, Bound, DefaultValue, Kind, Param, validate};
use serde_json::{Map, Value};

/// Seconds a caller may ask to wait at most.
pub const MAX_TIMEOUT_SECONDS: f64 = 3600.0;

const PREFIX: &str = "blender_";
const TARGET_UUID: &str = "target_uuid";
/// The name in the list. Several client libraries cannot load a property that begins with an underscore.
const TIMEOUT: &str = "timeout_seconds";
/// The other name, which is accepted too.
const UNLISTED_TIMEOUT: &str = "_timeout";
/// Taken by every tool, and listed by none: whoever needs it knows it from the server's instructions.
const WAIT_IF_BUSY: &str = "wait_if_busy";

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
}

/// A tool that runs a command in Blender.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DispatchTool {
    /// `blender_` and the command.
    pub name: &'static str,
    pub title: &'static str,
    /// For the model: what it does, when to use it and when another tool is better.
    pub description: &'static str,
    pub annotations: Annotations,
    /// Default of `timeout_seconds`.
    pub timeout_seconds: f64,
    /// The command's own parameters, without `target_uuid` and `timeout_seconds`.
    pub parameters: &'static [Param],
    /// What makes a call of a tool that is annotated as reading change something after all.
    pub changes: Changes,
}

/// When a call of a read-only tool is more than a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changes {
    Never,
    /// When this argument is given and neither `null` nor `false`.
    With(&'static str),
}

/// A tool that the bus answers itself.
#[derive(Debug, Clone, Copy)]
pub struct BusTool {
    pub name: &'static str,
    pub title: &'static str,
    pub description: &'static str,
    pub annotations: Annotations,
    pub output: fn() -> Value,
}

/// A tool with its parameters.
#[derive(Debug, Clone, Copy)]
pub struct AccountTool {
    pub listing: BusTool,
    pub parameters: &'static [Param],
}

/// A tool found by its name.
#[derive(Debug, Clone, Copy)]
pub enum Tool {
    Dispatch(&'static DispatchTool),
    /// Its calls are parsed by `bus::wire::tools::BusCall`.
    Bus(&'static BusTool),
    /// Its calls are parsed by `bus::wire::tools::JobCall`.
    Job(&'static BusTool),
    /// The edge answers it, with the caller's files.
    File(&'static BusTool),
    /// The edge answers it, with the caller's account.
    Account(&'static AccountTool),
}

/// A call of a dispatch tool, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct DispatchCall {
    pub command: &'static str,
    /// The command's own parameters with defaults filled in; those that are `null` are left out.
    pub params: Map<String, Value>,
    /// A client's uuid or `"latest"`; `None` picks the only live peer.
    pub target_uuid: Option<String>,
    pub timeout_seconds: f64,
    /// Whether it waits while its Blender works on something else that does not yield.
    pub wait_if_busy: bool,
    /// Whether a caller that may only read may make this call.
    pub only_reads: bool,
}

impl DispatchTool {
    /// What the peer knows the tool as.
    #[must_use]
    pub fn command(&self) -> &'static str {
        self.name.strip_prefix(PREFIX).unwrap_or(self.name)
    }

    /// All parameters of a call: the command's own, then `target_uuid` and `timeout_seconds`. What the two mean is said
    /// once, in the server's instructions.
    #[must_use]
    pub fn all_parameters(&self) -> Vec<Param> {
        self.parameters_with(TIMEOUT)
    }

    fn parameters_with(&self, timeout: &'static str) -> Vec<Param> {
        let mut parameters = self.parameters.to_vec();
        parameters.push(Param::nullable(TARGET_UUID, &Kind::Label { max: MAX_ID }, "Which Blender."));
        parameters.push(Param::optional(
            timeout,
            Kind::Number { min: Bound::Excluded(0.0), max: Bound::Included(MAX_TIMEOUT_SECONDS) },
            DefaultValue::Number(self.timeout_seconds),
            "Seconds to wait.",
        ));
        parameters
    }

    /// The `params` of a command that is sent without being called as a tool.
    ///
    /// # Errors
    /// As [`DispatchCall::parse`]; `target_uuid` and `timeout_seconds` are unknown arguments here.
    pub fn parse_params(&self, params: &Value) -> Result<Map<String, Value>, ArgumentError> {
        validate(self.parameters, params).map(without_nulls)
    }

    fn only_reads(&self, params: &Map<String, Value>) -> bool {
        let changes = match self.changes {
            Changes::Never => false,
            Changes::With(name) => {
                params.get(name).is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false)))
            }
        };
        self.annotations.read_only && !changes
    }
}

impl DispatchCall {
    /// # Errors
    /// The first argument that is unknown, missing, of the wrong type or out of range, and what it must be.
    pub fn parse(tool: &DispatchTool, arguments: &Value) -> Result<Self, ArgumentError> {
        let is_given = |name| arguments.get(name).is_some_and(|value| !value.is_null());
        let timeout = if is_given(UNLISTED_TIMEOUT) { UNLISTED_TIMEOUT } else { TIMEOUT };
        let arguments = without_other_name(arguments, timeout);
        let mut parameters = tool.parameters_with(timeout);
        if arguments.get(WAIT_IF_BUSY).is_some() {
            let meaning = "false: do not wait for other jobs.";
            parameters.push(Param::optional(WAIT_IF_BUSY, Kind::Boolean, DefaultValue::Boolean(true), meaning));
        }
        let mut checked = validate(&parameters, &arguments)?;
        let wait_if_busy = checked.remove(WAIT_IF_BUSY) != Some(Value::Bool(false));
        let target_uuid = match checked.remove(TARGET_UUID) {
            Some(Value::String(target)) => Some(target),
            _ => None,
        };
        let timeout_seconds = checked.remove(timeout).as_ref().and_then(Value::as_f64).unwrap_or(tool.timeout_seconds);
        let params = without_nulls(checked);
        let only_reads = tool.only_reads(&params);
        Ok(Self { command: tool.command(), params, target_uuid, timeout_seconds, wait_if_busy, only_reads })
    }
}

impl Tool {
    /// Whether a guest of this kind may call it.
    #[must_use]
    pub fn is_shared_with(self, guest: Guest) -> bool {
        match self {
            Self::Dispatch(tool) => guest == Guest::Work || tool.command() == PICTURE,
            Self::Bus(tool) | Self::Job(tool) | Self::File(tool) => rights::of_tool(tool.name).guests.include(guest),
            Self::Account(_) => false,
        }
    }

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dispatch(tool) => tool.name,
            Self::Bus(tool) | Self::Job(tool) | Self::File(tool) => tool.name,
            Self::Account(tool) => tool.listing.name,
        }
    }

    #[must_use]
    pub const fn annotations(self) -> Annotations {
        match self {
            Self::Dispatch(tool) => tool.annotations,
            Self::Bus(tool) | Self::Job(tool) | Self::File(tool) => tool.annotations,
            Self::Account(tool) => tool.listing.annotations,
        }
    }

    #[must_use]
    pub fn parameters(self) -> Vec<Param> {
        let parameters_in = |tables: &[ToolParameters], name| {
            tables.iter().find(|tool| tool.name == name).map(|tool| tool.parameters.to_vec()).unwrap_or_default()
        };
        match self {
            Self::Dispatch(tool) => tool.all_parameters(),
            Self::Bus(tool) => parameters_in(BUS_TOOLS, tool.name),
            Self::Job(tool) => parameters_in(JOB_TOOLS, tool.name),
            Self::File(tool) => parameters_in(FILE_TOOLS, tool.name),
            Self::Account(tool) => tool.parameters.to_vec(),
        }
    }
}

/// The arguments without the other name of the timeout, if nothing else is said by it.
fn without_other_name<'a>(arguments: &'a Value, timeout: &str) -> Cow<'a, Value> {
    let other = if timeout == TIMEOUT { UNLISTED_TIMEOUT } else { TIMEOUT };
    let Some(given) = arguments
        .as_object()
        .filter(|given| given.get(other).is_some_and(|value| value.is_null() || given.get(timeout) == Some(value)))
    else {
        return Cow::Borrowed(arguments);
    };
    Cow::Owned(
        given.iter().filter(|(name, _)| *name != other).map(|(name, value)| (name.clone(), value.clone())).collect(),
    )
}

fn without_nulls(params: Map<String, Value>) -> Map<String, Value> {
    params.into_iter().filter(|(_, value)| !value.is_null()).collect()
}
