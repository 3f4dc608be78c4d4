//! What a turn of the bus asks the runtime to do.

/// Performed by the glue in the order given, after the turn's writes.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a text frame over a socket; dropped if that has gone meanwhile.
    Send { socket_id: String, frame: String },
    /// Ask the edge to say when everything before this has been read from an event stream.
    AskRead { socket_id: String },
    /// See when the socket's last `ping` was answered: that proves what it has received.
    LookForPing { socket_id: String },
    /// Write on the socket what it is registered as (or no longer is), for when the object wakes again.
    Note { socket_id: String },
    /// Close a socket with a code of the peer protocol.
    Close { socket_id: String, code: u16, reason: &'static str },
    /// Close every socket that a grant's token opened.
    CloseGrant { grant_id: String, code: u16, reason: &'static str },
    /// Close every socket.
    CloseAll { code: u16, reason: &'static str },
    /// Something changed about a job or a client's inbox: whoever waits for it may look.
    News { subject: String },
    /// Write into the audit log of the user's account what has happened, and to what.
    Audit { username: String, what: &'static str, detail: String },
    /// Write a line of JSON to the log.
    Log { line: String },
    /// Take a turn then, which tells what has changed by then. Memory only: it need not outlive the object.
    Tell { due_ms: i64 },
    /// The next timer is due then.
    Arm { due_ms: i64 },
    /// Nothing is left that anyone could ask for: drop the database itself.
    Vanish,
}

/// Close codes of the peer protocol.
pub mod close {
    pub const NORMAL: u16 = 1000;
    pub const PROTOCOL_ERROR: u16 = 4400;
    pub const UNAUTHORIZED: u16 = 4401;
    /// The client leaves too much unread of what it is sent.
    pub const TOO_SLOW: u16 = 4408;
    pub const REPLACED: u16 = 4409;
    /// The owner does not want the peer there: it stays away until it is told to connect.
    pub const DISCONNECTED: u16 = 4410;
}
