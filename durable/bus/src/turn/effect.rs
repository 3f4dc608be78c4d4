//! What a turn of the bus asks the runtime to do.

/// Performed by the glue in the order given, after the turn's writes.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a text frame over a socket; dropped if that has gone meanwhile.
    Send { socket_id: String, frame: String },
    /// Ask the edge to say when everything before this has been read from an event stream.
    AskRead { socket_id: String },
    /// Look when the socket's last `ping` was answered, which proves what it has received.
    LookForPing { socket_id: String },
    /// Save the socket's registration in its attachment, so that it survives hibernation.
    Note { socket_id: String },
    /// Close a socket with a code of the peer protocol.
    Close { socket_id: String, code: u16, reason: &'static str },
    /// Close every socket that a grant's token opened.
    CloseGrant { grant_id: String, code: u16, reason: &'static str },
    /// Close every socket.
    CloseAll { code: u16, reason: &'static str },
    /// Wake the requests that wait for this job or inbox.
    News { subject: String },
    /// Write into the audit log of the user's account what has happened, and to what.
    Audit { username: String, what: &'static str, detail: String },
    /// Write a line of JSON to the log.
    Log { line: String },
    /// Count a job that was accepted.
    CountMade,
    /// Count a job that has ended in this state, and how long it took from being accepted.
    CountEnded { state: &'static str, took_ms: i64 },
    /// Take a turn at that time, to announce changes. In memory only: it need not survive the object.
    Tell { due_ms: i64 },
    /// The next timer is due then.
    Arm { due_ms: i64 },
    /// Send a notification to a push service, and settle what comes of it. Nothing waits for it.
    Push(Box<Push>),
    /// Everything is erased: delete the database.
    Vanish,
}

/// A notification for one browser, with what it takes to send it.
#[derive(Clone, PartialEq, Eq)]
pub struct Push {
    pub push_id: String,
    pub endpoint: String,
    pub p256dh: String,
    pub auth: String,
    /// The origin of this server.
    pub site: String,
    pub payload: String,
    pub urgency: String,
    pub ttl_s: i64,
}

/// Where it goes, and what it says, is nobody's business.
impl core::fmt::Debug for Push {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("Push").field("push_id", &self.push_id).finish_non_exhaustive()
    }
}

/// Close codes of the peer protocol.
pub mod close {
    pub const NORMAL: u16 = 1000;
    pub const PROTOCOL_ERROR: u16 = 4400;
    pub const UNAUTHORIZED: u16 = 4401;
    /// The client leaves too much unread of what it is sent.
    pub const TOO_SLOW: u16 = 4408;
    pub const REPLACED: u16 = 4409;
    /// The client sends more than it may.
    pub const TOO_FAST: u16 = 4429;
    /// The owner has disconnected the peer: it stays away until its user connects it.
    pub const DISCONNECTED: u16 = 4410;
}
