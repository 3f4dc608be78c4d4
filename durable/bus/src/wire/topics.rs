//! Resources that change by themselves, and who listens to which.

use kernel::access::Bound;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A resource that changes by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    Clients,
    Stats,
    Job(String),
    /// Any job at all: one came into being or changed.
    Jobs,
    Inbox(String),
    /// The list of the user's files.
    Files,
    File(String),
}

impl Topic {
    /// The topic as it is stored.
    pub fn key(&self) -> String {
        match self {
            Self::Clients => "clients".to_owned(),
            Self::Stats => "stats".to_owned(),
            Self::Jobs => "jobs".to_owned(),
            Self::Files => "files".to_owned(),
            Self::File(file_id) => format!("file {file_id}"),
            Self::Job(job_id) => format!("job {job_id}"),
            Self::Inbox(client_uuid) => format!("inbox {client_uuid}"),
        }
    }
}

/// A resource as its subscriber named it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    pub topic: Topic,
    pub uri: String,
}

/// A stream of `subscriptions/listen`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listener {
    /// The id of the request, which every notification carries.
    pub subscription_id: Value,
    pub subscriptions: Vec<Subscription>,
    /// Tasks to hear of. Missing on sockets of an earlier build.
    #[serde(default)]
    pub task_ids: Vec<String>,
    /// What the token of the stream is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
    /// The grant of the share link whose page this is the stream of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest: Option<String>,
}

impl Listener {
    /// `_meta` of each of its notifications.
    pub fn meta(&self) -> Value {
        json!({"io.modelcontextprotocol/subscriptionId": self.subscription_id})
    }
}
