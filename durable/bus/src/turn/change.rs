//! What has changed in a turn. The writer of a row notes the change here; `announce` tells listeners once, at the end
//! of the turn.

use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Somebody was registered or unregistered, came or left.
    Clients,
    /// One more or one less job is open.
    OpenJobs,
    /// A job was made, is in another state, or has made progress.
    Job { job_id: String },
    /// A record was kept for a client.
    Inbox { client_uuid: String },
    /// A file has come, or gone, or is kept for another time.
    File { file_id: String },
}

/// The same change counts once.
pub type Changes = BTreeSet<Change>;
