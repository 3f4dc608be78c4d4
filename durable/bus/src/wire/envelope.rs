//! The answer of every dispatch tool.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Completed,
    Failed,
    Timeout,
    NoClient,
    AmbiguousTarget,
    UnknownTarget,
    Disconnected,
    Cancelled,
    /// The Blender works on something else that does not yield, and the caller asked not to wait for that.
    Busy,
}

/// What a Blender works on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Running {
    pub job_id: String,
    pub command: String,
    /// For how long, as far as is known.
    pub seconds: f64,
    /// What its Blender says of it: where it is, and whether it is blocked in an operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Status {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::NoClient => "no_client",
            Self::AmbiguousTarget => "ambiguous_target",
            Self::UnknownTarget => "unknown_target",
            Self::Disconnected => "disconnected",
            Self::Cancelled => "cancelled",
            Self::Busy => "busy",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    pub status: Status,
    pub command: String,
    /// The peer the job was for; none when no job was made.
    pub target_uuid: Option<String>,
    pub job_id: Option<String>,
    /// JSON text of what the handler returned, or plain text.
    pub result: String,
    pub error: String,
    /// `queued` or `running`, in a `timeout`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waited_seconds: Option<f64>,
    /// Since when the Blender has been away, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away_since: Option<f64>,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidates: Option<Vec<String>>,
    /// In a `timeout` or `busy`: what the Blender works on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<Box<Running>>,
    /// What the Blender told beside the result: `stderr`, `value`, `changes`, `checkpoint`.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Envelope {
    pub fn new(status: Status, command: &str) -> Self {
        Self {
            status,
            command: command.to_owned(),
            target_uuid: None,
            job_id: None,
            result: String::new(),
            error: String::new(),
            job_state: None,
            waited_seconds: None,
            away_since: None,
            hint: None,
            candidates: None,
            running: None,
            extra: Map::new(),
        }
    }

    pub fn of_job(status: Status, command: &str, target_uuid: &str, job_id: &str) -> Self {
        Self {
            target_uuid: Some(target_uuid.to_owned()),
            job_id: Some(job_id.to_owned()),
            ..Self::new(status, command)
        }
    }

    /// The candidates, if it was not clear which Blender was meant.
    pub fn ambiguous(&self) -> Option<&[String]> {
        self.candidates.as_deref().filter(|_| self.status == Status::AmbiguousTarget)
    }

    #[must_use]
    pub fn hint(mut self, hint: &str) -> Self {
        self.hint = Some(hint.to_owned());
        self
    }

    #[must_use]
    pub fn candidates(mut self, candidates: Vec<String>) -> Self {
        self.candidates = Some(candidates);
        self
    }
}
