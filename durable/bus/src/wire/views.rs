//! What pages and tools show of a bus: clients, jobs and numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::wire::push::Browser;

/// The client type of a Blender.
pub const BLENDER: &str = "blender";

/// Capability of a peer that acknowledges jobs and runs none twice.
pub const JOB_ACK: &str = "job_ack";

/// Capability of a client that confirms the records it was sent over its socket.
pub const RECORD_ACK: &str = "record_ack";

/// A client as every tool and resource shows it. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientInfo {
    pub uuid: String,
    pub client_type: String,
    pub is_persistent: bool,
    pub capabilities: Vec<String>,
    pub group_id: Option<String>,
    pub connected_at: f64,
    pub last_seen: f64,
    pub connected: bool,
}

/// Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    pub now: f64,
    pub clients: Vec<ClientInfo>,
    /// Registered clients that are not among `clients`.
    pub more_clients: usize,
    /// The jobs that were asked for: open ones before those that have ended, the newest first.
    pub jobs: Vec<JobLine>,
    /// Where the next page of jobs begins, for `JobsAsked::before`; none on the last page.
    pub older: Option<i64>,
    /// The newest open jobs, whatever was asked for.
    pub open: Vec<JobLine>,
    /// Jobs that wait for the owner's consent.
    pub questions: Vec<JobDetail>,
    /// The newest picture of each of the Blenders that has one.
    pub pictures: Vec<Picture>,
    /// The grants of the share links whose page is open somewhere.
    pub watching: Vec<String>,
    pub counters: Counters,
}

/// One Blender, as somebody with a share link sees it. `now` in Unix seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    pub now: f64,
    /// None if it is not registered now.
    pub blender: Option<ClientInfo>,
    /// Its newest jobs, the newest first.
    pub jobs: Vec<JobLine>,
    /// The ids of open jobs that this share link has sent.
    pub own: Vec<String>,
    /// Its newest picture, if that is kept.
    pub picture: Option<Picture>,
}

/// A picture that a job has made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    pub target_uuid: String,
    pub job_id: String,
    /// Unix seconds.
    pub made_at: f64,
}

/// Which jobs the dashboard lists. Fields that are none leave nothing out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JobsAsked {
    /// As `State::shown`, or `open` for every state without an end.
    pub state: Option<String>,
    pub target_uuid: Option<String>,
    /// The name of the client that sent them, or its uuid.
    pub client: Option<String>,
    /// Text in what they were given, in their error, command or id.
    pub text: Option<String>,
    /// Only jobs that came before this place, and that have ended.
    pub before: Option<i64>,
}

/// A job without what it was given and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobLine {
    pub job_id: String,
    pub command: String,
    pub target_uuid: Option<String>,
    pub from_uuid: String,
    /// What the client calls itself that sent it; none for the owner's browser.
    pub client: Option<String>,
    /// The first line of its code, or its parameters.
    pub first_line: String,
    /// As `State::shown`.
    pub status: String,
    pub is_open: bool,
    /// `{"percent", "message"?}`
    pub progress: Option<Value>,
    /// The line of its error that says what went wrong.
    pub error: String,
    pub created_at: f64,
    pub finished_at: Option<f64>,
}

/// A job in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobDetail {
    pub line: JobLine,
    /// The payload of its record.
    pub payload: Value,
    pub result: String,
    pub error: String,
    /// What its Blender told beside the result, by name: see `EXTRA`.
    pub extra: Map<String, Value>,
    /// W3C Trace Context of the request that made it.
    pub traceparent: Option<String>,
}

/// A part of what a bus holds of its owner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportPage {
    /// Every registered client, on the first page; none on later ones.
    pub clients: Vec<ClientInfo>,
    /// Every browser that shows notifications, on the first page.
    #[serde(default)]
    pub browsers: Vec<Browser>,
    /// Jobs in full, the oldest first.
    pub jobs: Vec<Value>,
    /// The last place of the whole export.
    pub until: i64,
    /// The place after which the next page begins; none on the last page.
    pub next: Option<i64>,
}

/// What a token has of its user's files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FileAccess {
    /// The Blenders that it is bound to; none for all of them.
    pub blenders: Option<Vec<String>>,
    /// A job that one of its Blenders has not ended is about the file it wants to read.
    pub is_lent: bool,
    /// The Blender of the job that makes a file, if that is the caller's own.
    pub job_blender: Option<String>,
}

/// Times, in milliseconds from acceptance to result, are of recent completed jobs. None when there are none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counters {
    pub open_jobs: i64,
    /// Recent jobs by state.
    pub recent_jobs: BTreeMap<String, i64>,
    pub median_ms: Option<i64>,
    pub p95_ms: Option<i64>,
    pub peers_connected: usize,
    pub clients: i64,
    pub kept_messages: i64,
    pub database_bytes: u64,
    /// At this many nothing more is taken.
    pub most_bytes: u64,
}
