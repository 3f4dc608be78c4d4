//! A job as the rest of the bus sees it, and the states it goes through.
//!
//! ```text
//! queued ──▶ delivered ──▶ running ──▶ completed | failed | cancelled
//!    ╰───────────┴────────────┴──────▶ lost (the peer stayed away; a late answer still counts)
//! ```
//! `delivered` is for peers that acknowledge (capability `job_ack`): until they do, a reconnect sends the job again. Any
//! other peer might run it twice, so for those a job runs as soon as it is sent.

use serde_json::{Map, Value};

use crate::wire::envelope::{Envelope, Status};
use crate::wire::priority::Priority;
use crate::wire::record::Routing;

/// The longest `result` kept inline, in bytes.
pub const MAX_RESULT: usize = 1024 * 1024;

/// The longest `error` kept, in bytes; a longer one is cut.
pub const MAX_ERROR: usize = 64 * 1024;

/// What a Blender may tell beside a result, and how much of it, in bytes of JSON.
pub const EXTRA: [&str; 6] = ["stderr", "value", "changes", "checkpoint", "result_file", "files"];
pub const MAX_EXTRA: usize = 128 * 1024;

/// How the id of a batch begins.
pub const BATCH_PREFIX: &str = "b-";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Queued,
    Delivered,
    Running,
    Completed,
    Failed,
    Cancelled,
    Lost,
}

/// SQL for `State::is_open`. Every statement about open jobs has it word for word: SQLite uses the partial index `jobs_open`
/// only then.
macro_rules! is_open {
    () => {
        "state IN ('queued', 'delivered', 'running')"
    };
}
pub(crate) use is_open;

/// SQL for a job that ended, but not well; as `is_open!`, for the partial index `jobs_not_completed`.
macro_rules! is_not_completed {
    () => {
        "state IN ('failed', 'cancelled', 'lost')"
    };
}
pub(crate) use is_not_completed;

/// The field of a job's progress that says since when it keeps its Blender from everything else. Unix milliseconds.
pub const BUSY_SINCE: &str = "busy_since";

/// The field of a job's progress that says it waits behind others in its Blender.
pub const WAITS: &str = "waits";

impl State {
    pub const ALL: [Self; 7] =
        [Self::Queued, Self::Delivered, Self::Running, Self::Completed, Self::Failed, Self::Cancelled, Self::Lost];

    /// The state as callers see it: delivered but unacknowledged jobs are shown as queued.
    pub fn shown(self) -> &'static str {
        match self {
            Self::Delivered => Self::Queued.name(),
            state => state.name(),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Delivered => "delivered",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
        }
    }

    /// The end that an update's `status` means, if it means one.
    pub fn of_update(status: &str) -> Option<Self> {
        [Self::Completed, Self::Failed, Self::Cancelled].into_iter().find(|state| state.name() == status)
    }

    /// Whether no later update changes the state. `lost` is not final: the answer may still come.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Delivered | Self::Running)
    }
}

/// Frames that one job renders at most. The extension has the same bound.
pub const MAX_PART: i64 = 2000;

/// How many members are tried for a part, one after the other.
pub const TRIES: i64 = 3;

/// What a job renders of a range of frames that a group shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub frame: i64,
    pub frame_end: i64,
    /// To how many more members it may be given, should this one not end it.
    pub tries_left: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    pub job_id: String,
    pub command: String,
    pub target_uuid: Option<String>,
    pub from_uuid: String,
    pub state: State,
    pub result: String,
    pub error: String,
    /// What was last heard of it: `{"percent", "message"?}`.
    pub progress: Option<Value>,
    /// Unix milliseconds.
    pub created_ms: i64,
    pub finished_ms: Option<i64>,
    /// When it last changed without ending.
    pub updated_ms: Option<i64>,
    /// What its Blender told beside the result, as JSON.
    pub extra: Option<String>,
    pub traceparent: Option<String>,
    /// The request that waits for it. Not in the row: only what waits knows it.
    pub request_id: Option<String>,
    pub batch_id: Option<String>,
    pub part: Option<Part>,
}

impl Job {
    /// The state as callers see it: a job that its Blender has taken but not begun is shown as queued.
    pub fn shown(&self) -> &'static str {
        let waits = self.progress.as_ref().is_some_and(|progress| progress.get(WAITS).is_some());
        if self.state == State::Running && waits { State::Queued.name() } else { self.state.shown() }
    }

    /// Since when it keeps its Blender from everything else, as far as that has told. Unix milliseconds.
    pub fn busy_since_ms(&self) -> Option<i64> {
        self.progress.as_ref()?.get(BUSY_SINCE)?.as_i64().filter(|_| self.state == State::Running)
    }

    /// What its Blender has said of it last.
    pub fn message(&self) -> Option<&str> {
        self.progress.as_ref()?.get("message")?.as_str().filter(|message| !message.is_empty())
    }

    /// Whether a Blender may be running it, or will run it without being sent it again.
    pub fn is_taken(&self) -> bool {
        !matches!(self.state, State::Queued | State::Delivered)
    }
}

/// What a new job is made of.
pub struct NewJob<'a> {
    pub job_id: String,
    /// The command, or `job_dispatch` for a script.
    pub command: &'a str,
    pub from_uuid: String,
    pub target_uuid: &'a str,
    pub routing: Routing,
    pub payload: Value,
    pub priority: Priority,
    pub batch_id: Option<&'a str>,
    pub idempotency_key: Option<&'a str>,
    /// When it is lost if no Blender has taken it. Unix milliseconds.
    pub expires_ms: Option<i64>,
    pub part: Option<Part>,
}

/// The envelope of a job that has ended; none while it is open.
pub fn settled(job: Job) -> Option<Envelope> {
    let status = match job.state {
        State::Queued | State::Delivered | State::Running => return None,
        State::Completed => Status::Completed,
        State::Failed => Status::Failed,
        State::Cancelled => Status::Cancelled,
        State::Lost => Status::Disconnected,
    };
    let target = job.target_uuid.as_deref().unwrap_or_default();
    let envelope = Envelope::of_job(status, &job.command, target, &job.job_id);
    let extra = extra_fields(job.extra.as_deref());
    Some(Envelope { result: job.result, error: job.error, extra, ..envelope })
}

/// The fields that stand beside a result.
pub fn extra_fields(extra: Option<&str>) -> Map<String, Value> {
    // The column is only ever written from such a map.
    extra.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// What it asks for.
pub const CONSENT: &str = "consent";
