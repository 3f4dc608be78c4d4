//! The tools by which clients and peers drive the bus: their parameters, and a call of one as a typed value.
//!
//! Both ways in, HTTP and a peer's WebSocket, parse calls here, so a call means the same on either.

use kernel::arguments::{ArgumentError, quoted, validate};
use serde::de::{DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::wire::priority::Priority;
use crate::wire::tables::{
    BUS_TOOLS, JOB_CANCEL, JOB_RESULT, JOB_STATUS, JOB_TOOLS, JOB_UPDATE, LIST_AVAILABLE_CLIENTS, LIST_JOBS,
    RECEIVE_MESSAGES, REGISTER_CLIENT, SEND_MESSAGE, SUBMIT, UNREGISTER_CLIENT,
};
use crate::wire::tool_parameters::{LATEST, ToolParameters};

/// Why a call of a bus tool cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error("unknown tool {name}")]
    UnknownTool { name: String },
    #[error(transparent)]
    Argument(#[from] ArgumentError),
    /// The table accepts a value that the type cannot hold. A fault of the program, never of the caller.
    #[error("the parameters of {tool} do not fit its type: {reason}")]
    Mismatch { tool: &'static str, reason: String },
}

/// A call of one of [`BUS_TOOLS`], checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum BusCall {
    RegisterClient(RegisterClient),
    UnregisterClient(UnregisterClient),
    SendMessage(SendMessage),
    JobUpdate(JobUpdate),
    ListAvailableClients,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterClient {
    pub client_uuid: String,
    pub client_type: String,
    pub is_persistent: bool,
    pub capabilities: Vec<String>,
    pub group_id: Option<String>,
    /// Which process of its program the client is.
    #[serde(default)]
    pub instance_id: Option<String>,
    /// Jobs that a peer still has; none where it does not say.
    #[serde(default)]
    pub open_jobs: Option<Vec<String>>,
    /// At least how often it sends the text frame `ping`, in seconds; none where it does not say.
    #[serde(default)]
    pub ping_interval: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnregisterClient {
    pub client_uuid: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SendMessage {
    /// Always an object; opaque beyond the few fields that the bus itself reads.
    pub payload: Value,
    pub target_uuid: Option<String>,
    pub group_id: Option<String>,
    pub client_type: Option<String>,
    pub priority: Priority,
    pub from_uuid: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobUpdate {
    pub job_id: String,
    /// `completed`, `failed` and `cancelled` end the job; any other word is an interim report.
    pub status: String,
    /// Plain text or JSON text. Of another JSON value its JSON text is kept; `null` is the empty text.
    #[serde(deserialize_with = "text_of")]
    pub result: String,
    #[serde(deserialize_with = "text_of")]
    pub error: String,
    /// What goes beside the result, by the names of the envelope; the bus keeps those it knows.
    #[serde(default)]
    pub extra: Option<Map<String, Value>>,
}

/// A call of one of [`JOB_TOOLS`], checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum JobCall {
    Submit(Submit),
    Status(JobStatus),
    Result(JobResult),
    Cancel(JobCancel),
    List(ListJobs),
    ReceiveMessages(ReceiveMessages),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Submit {
    /// The command's name. The catalog of the edge knows the names and their `params`.
    pub command: String,
    /// Always an object.
    pub params: Value,
    pub target_uuid: Option<String>,
    pub target_group: Option<String>,
    pub idempotency_key: Option<String>,
    /// The registered client that hears how it goes.
    pub from_uuid: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobStatus {
    pub job_id: String,
    pub wait_seconds: f64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobResult {
    pub job_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCancel {
    pub job_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListJobs {
    /// One of [`tables::JOB_STATES`].
    pub status: Option<String>,
    pub limit: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceiveMessages {
    pub client_uuid: String,
    /// `next` of an earlier answer.
    pub after: Option<String>,
    pub wait_seconds: f64,
    pub limit: u32,
}

impl BusCall {
    /// # Errors
    /// A name that is not in [`BUS_TOOLS`], or arguments that its table refuses.
    pub fn parse(tool_name: &str, arguments: &Value) -> Result<Self, CallError> {
        let tool = find(BUS_TOOLS, tool_name)?;
        match tool.name {
            REGISTER_CLIENT => {
                let call: RegisterClient = typed(tool, arguments)?;
                if call.client_uuid == LATEST {
                    let expected = "another name than \"latest\", which as a target means the peer that connected \
                                    last";
                    return Err(ArgumentError::invalid("client_uuid", expected, &Value::from(LATEST)).into());
                }
                Ok(Self::RegisterClient(call))
            }
            UNREGISTER_CLIENT => typed(tool, arguments).map(Self::UnregisterClient),
            SEND_MESSAGE => typed(tool, arguments).map(Self::SendMessage),
            JOB_UPDATE => typed(tool, arguments).map(Self::JobUpdate),
            LIST_AVAILABLE_CLIENTS => {
                validate(tool.parameters, arguments)?;
                Ok(Self::ListAvailableClients)
            }
            _ => Err(unknown(tool_name)),
        }
    }
}

impl JobCall {
    /// # Errors
    /// A name that is not in [`JOB_TOOLS`], or arguments that its table refuses.
    pub fn parse(tool_name: &str, arguments: &Value) -> Result<Self, CallError> {
        let tool = find(JOB_TOOLS, tool_name)?;
        match tool.name {
            SUBMIT => {
                let call: Submit = typed(tool, arguments)?;
                match (&call.target_uuid, &call.target_group) {
                    (Some(_), Some(group)) => {
                        let expected = "left out or null when target_uuid is given";
                        Err(ArgumentError::invalid("target_group", expected, &Value::from(group.as_str())).into())
                    }
                    _ => Ok(Self::Submit(call)),
                }
            }
            JOB_STATUS => typed(tool, arguments).map(Self::Status),
            JOB_RESULT => typed(tool, arguments).map(Self::Result),
            JOB_CANCEL => typed(tool, arguments).map(Self::Cancel),
            LIST_JOBS => typed(tool, arguments).map(Self::List),
            RECEIVE_MESSAGES => typed(tool, arguments).map(Self::ReceiveMessages),
            _ => Err(unknown(tool_name)),
        }
    }
}

fn find(tools: &'static [ToolParameters], name: &str) -> Result<&'static ToolParameters, CallError> {
    tools.iter().find(|tool| tool.name == name).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> CallError {
    CallError::UnknownTool { name: quoted(name) }
}

// A function for each type: in one with `parse`, a first call would have all of them compiled.
#[inline(never)]
fn typed<T: DeserializeOwned>(tool: &ToolParameters, arguments: &Value) -> Result<T, CallError> {
    let checked = validate(tool.parameters, arguments)?;
    serde_json::from_value(Value::Object(checked))
        .map_err(|error| CallError::Mismatch { tool: tool.name, reason: error.to_string() })
}

fn text_of<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests;
