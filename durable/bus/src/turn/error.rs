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
    #[error(
        "not_yours: client_uuid {uuid:?} was registered by another login or token of this account. Take another uuid, log in \
         anew with the program that registered it, or let the name go in the dashboard"
    )]
    NotYours { uuid: String },
    #[error("{uuid:?} begins with \"server:\", which only the bus itself is called; take another name")]
    Reserved { uuid: String },
    #[error(
        "client_uuid {uuid:?} is registered as {kind:?} and does not become a Blender; unregister it first, or take another uuid"
    )]
    OtherType { uuid: String, kind: String },
    #[error("beyond_bound: this token is bound to {bound}, and {uuid:?} is not part of that")]
    Beyond { uuid: String, bound: String },
    #[error("not_shared: this share link is for {guest}; ask its owner for more")]
    NotShared { guest: &'static str },
    #[error("not_shared: job {job_id} was sent by somebody else; a share link cancels its own jobs only")]
    AnothersJob { job_id: String },
    #[error("{what} {id:?} is in use on this bus; take another")]
    Taken { what: &'static str, id: String },
    #[error("client_type \"blender\" needs a token with the scope peer")]
    NoPeer,
    #[error("register with blender_register_client over this socket first, then update jobs")]
    Unregistered,
    #[error(
        "there is no job {job_id:?} that this client could update; an update to everyone needs the scope bus:dispatch"
    )]
    UnknownJob { job_id: String },
    #[error(
        "job {job_id} was given to {target:?}, which this login or token did not register; only its own client updates a job"
    )]
    NotTarget { job_id: String, target: String },
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
    #[error("params: frame must be given where a group shares a range: its members may stand at different frames")]
    NoFirstFrame,
    #[error("params: frame_end must be at least frame, {first}, got {last}")]
    LastFrame { first: i64, last: i64 },
    #[error(
        "params: frame_end must be at most {most}: a member renders {limit} frames at most, and group {group:?} has {members} \
         connected"
    )]
    TooManyFrames { most: i64, limit: i64, group: String, members: usize },
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
