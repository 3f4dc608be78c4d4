//! What can go wrong on a bus, in three classes: the caller's fault, not now, and ours.

use kernel::ids::EntropyError;
use kernel::storage::StorageError;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum Error {
    /// The caller's fault. The text is for the caller: it says what was wrong and what is expected.
    #[error("{0}")]
    Rejected(#[from] Rejection),
    /// A fault of the server. The text is for the log; callers get one opaque sentence.
    #[error("storage: {0}")]
    Storage(#[from] StorageError),
    #[error("{0}")]
    Entropy(#[from] EntropyError),
    #[error("stored {what} does not parse: {source}")]
    Stored { what: &'static str, source: serde_json::Error },
}

#[derive(Debug, Error, PartialEq)]
pub enum Rejection {
    #[error("client_uuid {uuid:?} belongs to another socket's client; this socket is registered as {own:?}")]
    AnotherClient { uuid: String, own: String },
    #[error("job {job_id} was given to {target:?}; a socket registered as {own:?} cannot update it")]
    AnotherTarget { job_id: String, target: String, own: String },
    #[error("client_uuid {uuid:?} is not registered; register it with blender_register_client")]
    NoClient { uuid: String },
    #[error("after must be \"next\" of an earlier answer, got {after:?}")]
    Cursor { after: String },
    #[error("payload.job_id must be a text of 1 to 128 bytes")]
    JobId,
    #[error("group {group:?} has no member that is a Blender")]
    EmptyGroup { group: String },
    #[error("this user may send {limit} messages a second; wait a moment, then send it again")]
    TooFast { limit: i64 },
    #[error(
        "this user's bus has reached its {limit_mib} MiB of storage and takes no new messages or jobs; results and \
         messages go 24 hours after they were made, messages also when they are read with blender_receive_messages"
    )]
    Full { limit_mib: u64 },
    #[error("the {what} has {size} bytes as JSON; it may have at most {limit}")]
    TooLong { what: &'static str, size: usize, limit: usize },
    #[error("this user has {limit} {what}, the most there may be; {remedy}")]
    Limit { what: &'static str, limit: i64, remedy: &'static str },
}
