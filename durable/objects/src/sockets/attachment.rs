//! What is known of a socket: what the edge says when it opens, and what is stored in its attachment.

use bus::turn::presence::{Attached, Link, Presence, Stream};
use bus::wire::command::{Caller, SignIn};
use bus::wire::topics::Listener;
use kernel::access::Access;
use kernel::ids;
use kernel::scopes::Scopes;
use kernel::storage::MAX_INTEGER;
use runtime::WebCrypto;
use serde::{Deserialize, Serialize};
use worker::{Error, Headers, Result, WebSocket, console_error};

/// Headers by which the edge tells the object whose socket it opens.
pub mod header {
    pub const USER_ID: &str = "bus-user-id";
    pub const USERNAME: &str = "bus-username";
    pub const GRANT_ID: &str = "bus-grant-id";
    /// As on the wire: names with spaces between them, and what they are bound to.
    pub const SCOPES: &str = "bus-scopes";
    /// When a person signed in for the token, a space, and with which program; missing for a token made by hand.
    pub const SIGN_IN: &str = "bus-sign-in";
    pub const EXPIRES_MS: &str = "bus-expires-ms";
    pub const SUBPROTOCOL: &str = "bus-subprotocol";
    /// Only for an event stream.
    pub const SESSION_ID: &str = "bus-session-id";
    pub const LAST_EVENT_ID: &str = "bus-last-event-id";
    /// Only for `subscriptions/listen`: a `Listener` as JSON.
    pub const LISTENER: &str = "bus-listener";
}

/// The attachment of a socket (16 KiB at most): whose it is, and what it is registered as.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Opened {
    pub socket_id: String,
    pub user_id: String,
    pub grant_id: String,
    #[serde(default)]
    pub username: String,
    /// Missing on sockets of an earlier build, which may do the least.
    #[serde(default = "least")]
    pub scopes: Access,
    #[serde(default)]
    pub sign_in: Option<SignIn>,
    /// The peer asked for the subprotocol `mcp`.
    pub subprotocol: bool,
    /// It was closed by the bus and counts as gone, even before the close handshake is done. Missing on sockets of an
    /// earlier build.
    #[serde(default)]
    pub has_ended: bool,
    role: Role,
}

fn least() -> Access {
    Scopes::PEER.into()
}

fn sign_in(header: &str) -> Option<SignIn> {
    let (at_ms, client_key) = header.split_once(' ')?;
    Some(SignIn { client_key: client_key.to_owned(), at_ms: at_ms.parse().ok()? })
}

/// What a socket is for.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Role {
    /// A client's own, with what it has registered as.
    Client { bound: Option<Bound> },
    /// An event stream of a session, with the last event that was sent.
    Stream { session_id: String, sent_seq: i64 },
    /// A stream of `subscriptions/listen`.
    Listener(Listener),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Bound {
    uuid: String,
    client_type: String,
    acknowledges: bool,
    since_ms: i64,
    /// Missing on sockets of an earlier build.
    #[serde(default)]
    patience_ms: Option<i64>,
}

/// What the edge asks to have opened.
pub struct Opening {
    pub opened: Opened,
    /// Until when the token is good. Unix milliseconds.
    pub expires_ms: i64,
    /// For a stream: its session, and the last event the client saw.
    pub stream: Option<(String, Option<i64>)>,
    /// For `subscriptions/listen`: what to hear of.
    pub listener: Option<Listener>,
}

impl Opened {
    /// A new socket, as the edge describes it.
    pub fn from_edge(headers: &Headers) -> Result<Opening> {
        let required =
            |name: &str| headers.get(name)?.ok_or_else(|| Error::RustError(format!("the edge did not send {name}")));
        let expires_ms = required(header::EXPIRES_MS)?.parse().map_err(|_| Error::BadEncoding)?;
        let socket_id =
            ids::random_id::<8>("w-", &mut WebCrypto).map_err(|error| Error::RustError(error.to_string()))?;
        // An id that no stream can have given out counts as none: everything kept is sent again.
        let given_out = |id: &i64| (0..=MAX_INTEGER).contains(id);
        let last_event_id = headers.get(header::LAST_EVENT_ID)?.and_then(|id| id.parse().ok()).filter(given_out);
        let stream = headers.get(header::SESSION_ID)?.map(|session_id| (session_id, last_event_id));
        let listener: Option<Listener> =
            headers.get(header::LISTENER)?.map(|text| serde_json::from_str(&text)).transpose()?;
        let role = match (&stream, &listener) {
            (Some((session_id, _)), _) => Role::Stream { session_id: session_id.clone(), sent_seq: 0 },
            (None, Some(listener)) => Role::Listener(listener.clone()),
            (None, None) => Role::Client { bound: None },
        };
        let opened = Self {
            socket_id,
            user_id: required(header::USER_ID)?,
            grant_id: required(header::GRANT_ID)?,
            username: required(header::USERNAME)?,
            scopes: Access::stored(&required(header::SCOPES)?),
            sign_in: headers.get(header::SIGN_IN)?.as_deref().and_then(sign_in),
            subprotocol: required(header::SUBPROTOCOL)? == "1",
            has_ended: false,
            role,
        };
        Ok(Opening { opened, expires_ms, stream, listener })
    }

    /// Whose token it was opened with.
    pub fn caller(&self) -> Caller {
        Caller {
            grant_id: self.grant_id.clone(),
            username: self.username.clone(),
            client_name: String::new(),
            scopes: self.scopes.clone(),
            sign_in: self.sign_in.clone(),
        }
    }

    /// The object woke and this socket is still there.
    pub(super) fn wake(&self, presence: &mut Presence) {
        match &self.role {
            Role::Client { bound: Some(bound) }
                // The runtime lists a replaced socket until its close handshake is done.
                if presence.get(&bound.uuid).is_none_or(|other| other.since_ms < bound.since_ms) =>
            {
                let attached = Attached {
                    socket_id: self.socket_id.clone(),
                    link: Link::Socket,
                    client_type: bound.client_type.clone(),
                    acknowledges: bound.acknowledges,
                    since_ms: bound.since_ms,
                    heard_ms: bound.since_ms,
                    patience_ms: bound.patience_ms,
                };
                presence.attach(bound.uuid.clone(), attached);
            }
            Role::Client { .. } => {}
            Role::Stream { session_id, sent_seq } => presence.open_stream(Stream {
                socket_id: self.socket_id.clone(),
                session_id: session_id.clone(),
                sent_seq: *sent_seq,
                is_behind: false,
            }),
            Role::Listener(listener) => presence.listen(self.socket_id.clone(), listener.clone()),
        }
    }

    /// Takes over what the socket is registered as now.
    pub(super) fn note(&mut self, presence: &Presence) {
        self.role = self.now(presence);
    }

    /// What the socket is for, as of now.
    fn now(&self, presence: &Presence) -> Role {
        if let Role::Stream { session_id, sent_seq } = &self.role {
            let sent_seq = presence.stream(&self.socket_id).map_or(*sent_seq, |stream| stream.sent_seq);
            return Role::Stream { session_id: session_id.clone(), sent_seq };
        }
        if let Role::Listener(listener) = &self.role {
            return Role::Listener(listener.clone());
        }
        let bound = presence.bound_to(&self.socket_id).and_then(|uuid| {
            let attached = presence.get(uuid)?;
            Some(Bound {
                uuid: uuid.to_owned(),
                client_type: attached.client_type.clone(),
                acknowledges: attached.acknowledges,
                since_ms: attached.since_ms,
                patience_ms: attached.patience_ms,
            })
        });
        Role::Client { bound }
    }

    /// Whether this is a client's own socket: the edge's streams only listen.
    pub fn is_client(&self) -> bool {
        matches!(self.role, Role::Client { .. })
    }

    /// Reads the attachment. None for a socket that was never accepted here.
    pub fn of(socket: &WebSocket) -> Option<Self> {
        let read = socket.deserialize_attachment::<String>();
        let read = read.unwrap_or_else(|error| {
            console_error!("socket attachment: {error}");
            None
        });
        read.as_deref().and_then(Self::read)
    }

    /// The same of an attachment that has been read.
    pub fn read(attachment: &str) -> Option<Self> {
        let opened = serde_json::from_str(attachment);
        opened.map_err(|error| console_error!("socket attachment: {error}")).ok()
    }

    /// Saves it in the attachment, as text: a JavaScript object would be read back field by field for each frame.
    pub(super) fn write(&self, socket: &WebSocket) -> Result<()> {
        socket.serialize_attachment(serde_json::to_string(self)?)
    }
}
