//! What the edge asks of a user's bus, and what it gets back. One request, one hop. The enums are externally tagged: an
//! internal tag would make serde buffer the whole value.

use kernel::access::Access;
use kernel::trace::Trace;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::wire::envelope::Envelope;
use crate::wire::priority::Priority;
use crate::wire::push::{Answered, Asked};
use crate::wire::topics::{Subscription, Topic};
use crate::wire::views::{ExportPage, FileAccess, JobDetail, JobsAsked, Overview, Watched};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    pub user_id: String,
    /// Who asks; none when the server asks by itself.
    pub caller: Option<Caller>,
    /// The MCP session the request belongs to. It must be open.
    pub session_id: Option<String>,
    pub trace: Trace,
    pub command: Command,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    pub grant_id: String,
    /// The name of its user's account, which keeps the audit log.
    pub username: String,
    /// What the client calls itself.
    pub client_name: String,
    /// What its token may do, and in which Blenders.
    pub scopes: Access,
    /// None for an access token that was made by hand.
    pub sign_in: Option<SignIn>,
}

/// How a person let a client in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// The same at each sign-in of one program on one machine.
    pub client_key: String,
    /// Unix milliseconds.
    pub at_ms: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Run a command in a Blender and wait for the answer.
    Dispatch {
        command: String,
        params: Value,
        target_uuid: Option<String>,
        timeout_ms: i64,
        /// Answer `busy` in place of waiting for another job that does not yield.
        #[serde(default)]
        or_busy: bool,
        /// Name under which `CancelRequest` finds the request while it waits.
        request_key: Option<String>,
        /// Answer with a stream of `Line`s, one a line, in place of one `Reply`.
        in_lines: bool,
        /// A call that takes longer than this is answered with a task; none for a client that knows no tasks.
        task_after_ms: Option<i64>,
        /// The response into which the bus writes a quick answer, for the edge to pass on unread. None where the edge
        /// makes its own.
        frame: Option<Frame>,
    },
    /// The client gave up a request: its job is cancelled, or asked to stop.
    CancelRequest {
        request_key: String,
    },
    /// Call a tool of the bus itself.
    Tool {
        name: String,
        arguments: Value,
    },
    /// A job as a task, for `tasks/get`.
    Task {
        task_id: String,
    },
    /// `tasks/cancel`
    CancelTask {
        task_id: String,
    },
    /// `blender://bus/clients`
    Clients,
    /// `blender://bus/stats`
    Stats,
    /// What the dashboard shows.
    Overview {
        jobs: JobsAsked,
    },
    /// What somebody with a share link sees of the Blender that the caller's token is bound to.
    Watched,
    /// How many Blenders are there.
    Connected,
    /// What the bus holds of its owner, page by page: the jobs after one place and up to another, the newest if none is given.
    Export {
        after: i64,
        until: Option<i64>,
    },
    /// One job in full.
    Job {
        job_id: String,
    },
    /// The owner's answer to whether a job may run.
    Answer {
        job_id: String,
        allow: bool,
    },
    /// Let go of a client's name: the next to register it has it.
    Release {
        client_uuid: String,
    },
    /// Close a client's socket and forget it.
    Disconnect {
        client_uuid: String,
    },
    /// About the browsers that show notifications.
    Push {
        asked: Asked,
    },
    /// What the caller has of its user's files. `job_id`: a job that makes one. `file_id`: one that it wants to read.
    FileAccess {
        job_id: Option<String>,
        file_id: Option<String>,
    },
    /// A file has come, or gone, or is kept for another time.
    FileChanged {
        file_id: String,
    },
    OpenSession {
        protocol_version: String,
        client_name: String,
    },
    /// Only see that the session is open.
    UseSession,
    SetLogLevel {
        level: String,
    },
    CloseSession,
    /// `resources/subscribe`, for the session.
    Subscribe {
        subscription: Subscription,
    },
    Unsubscribe {
        topic: Topic,
    },
    /// Refuse the grant's tokens from now on and close what they opened.
    RevokeGrant {
        grant_id: String,
    },
    /// The account is deleted: drop everything, close everything, refuse every token from now on.
    Erase,
}

/// An answer within this time is one document. A later one is a stream of `Line`s.
pub const SOON_MS: i64 = 250;

/// A JSON-RPC response, without the part that the bus fills in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The request's id, as JSON.
    pub id: String,
    /// The last fields of the result, as JSON without the braces.
    pub last: String,
}

impl Frame {
    /// The response with this result, a JSON object.
    #[must_use]
    pub fn around(&self, result: &str) -> String {
        let (id, last) = (&self.id, &self.last);
        let fields = result.strip_suffix('}').unwrap_or(result);
        let comma = if last.is_empty() || fields == "{" { "" } else { "," };
        format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{fields}{comma}{last}}}}}")
    }
}

/// What the edge gets while it waits: with `in_lines` at once, otherwise once an answer takes longer than `SOON_MS`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// How far the job is: `{"percent", "message"?}`.
    Progress(Value),
    /// What has become of the job, for a log.
    Log { level: Priority, data: Value },
    /// Not answered within `SOON_MS`. Sent once.
    Slow,
    /// The last line.
    Reply(Reply),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Envelope {
        envelope: Box<Envelope>,
    },
    /// A tool's or a resource's document.
    Document {
        document: Value,
    },
    /// The arguments were wrong, or a limit is reached. The text is for the caller.
    Rejected {
        message: String,
    },
    /// A task as `tasks/get` shows it; none where there is no such job.
    Task {
        task: Option<Value>,
    },
    Session {
        session_id: String,
        protocol_version: String,
    },
    Overview {
        overview: Box<Overview>,
    },
    Watched {
        watched: Box<Watched>,
    },
    Connected {
        blenders: usize,
    },
    Export {
        page: Box<ExportPage>,
    },
    /// None if there is no such job.
    Job {
        job: Option<Box<JobDetail>>,
    },
    FileAccess {
        access: FileAccess,
    },
    Push {
        answered: Answered,
    },
    /// Whether there was such a client, or question.
    Found {
        found: bool,
    },
    Done,
    /// There is no such session, or it has ended.
    NoSession,
    /// The grant behind the caller's token was revoked.
    Revoked,
}

#[cfg(test)]
mod tests {
    use super::Frame;

    #[test]
    fn a_frame_puts_its_own_fields_after_those_of_the_result() {
        let frame = |last: &str| Frame { id: "\"a\"".to_owned(), last: last.to_owned() };
        let head = r#"{"jsonrpc":"2.0","id":"a","result":"#;
        for (result, last, expected) in [
            ("{}", "", "{}"),
            (r#"{"a":{}}"#, "", r#"{"a":{}}"#),
            ("{}", r#""b":{}"#, r#"{"b":{}}"#),
            (r#"{"a":{}}"#, r#""b":{}"#, r#"{"a":{},"b":{}}"#),
        ] {
            assert_eq!(frame(last).around(result), format!("{head}{expected}}}"));
        }
    }
}
