//! Who is attached right now. Memory only: the glue rebuilds it from the live sockets whenever the object wakes.

use std::collections::{BTreeMap, BTreeSet};

use crate::turn::cache::Cache;
use crate::turn::limits::{Limits, Meter};
use crate::turn::news::News;
use crate::wire::topics::{Listener, Topic};
use crate::wire::views::BLENDER;

/// How a live client is reached.
#[derive(Debug, Clone, PartialEq)]
pub enum Link {
    /// A WebSocket of its own.
    Socket,
    /// The event stream of the MCP session that registered it.
    Stream { session_id: String },
}

/// An event stream of an MCP session: a socket between the edge, which holds the HTTP response, and the bus.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    pub socket_id: String,
    pub session_id: String,
    /// The last event that went out on it.
    pub sent_seq: i64,
    /// More events are kept for it than were sent. They follow, together with later ones, once the sent ones have been
    /// read.
    pub is_behind: bool,
}

/// A client that can be reached right now.
#[derive(Debug, Clone, PartialEq)]
pub struct Attached {
    pub socket_id: String,
    pub link: Link,
    pub client_type: String,
    /// The peer promised to acknowledge jobs and to run none twice (capability `job_ack`).
    pub acknowledges: bool,
    /// When this socket registered. Unix milliseconds.
    pub since_ms: i64,
    /// When it was last heard. Unix milliseconds.
    pub heard_ms: i64,
    /// How long it may be silent, if it promised to send `ping` regularly. Milliseconds.
    pub patience_ms: Option<i64>,
}

/// Live clients by uuid, and when those that have gone left.
#[derive(Debug, Default)]
pub struct Presence {
    live: BTreeMap<String, Attached>,
    left_ms: BTreeMap<String, i64>,
    /// Open event streams, the newest last.
    streams: Vec<Stream>,
    /// Streams of `subscriptions/listen`, by socket.
    listeners: Vec<(String, Listener)>,
    /// Topics that some session is or was subscribed to.
    topics: BTreeSet<String>,
    pub cache: Cache,
    pub limits: Limits,
    pub meter: Meter,
    pub news: News,
}

impl Presence {
    pub fn with_limits(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Forgets everything but the limits that the operator has set.
    pub fn clear(&mut self) {
        *self = Self::with_limits(self.limits.clone());
    }

    pub fn attach(&mut self, uuid: String, attached: Attached) {
        self.left_ms.remove(&uuid);
        self.live.insert(uuid, attached);
    }

    /// Forgets the client, unless a newer socket has taken its place. Says whether it did.
    pub fn detach(&mut self, uuid: &str, socket_id: &str, now_ms: i64) -> bool {
        let gone = self.get(uuid).is_some_and(|attached| attached.socket_id == socket_id);
        if gone {
            self.live.remove(uuid);
            self.left_ms.insert(uuid.to_owned(), now_ms);
        }
        gone
    }

    /// Forgets a client that was unregistered.
    pub fn forget(&mut self, uuid: &str) -> Option<Attached> {
        self.left_ms.remove(uuid);
        self.live.remove(uuid)
    }

    /// When a client that is not there now left, if that was seen. Unix milliseconds.
    pub fn left_ms(&self, uuid: &str) -> Option<i64> {
        self.left_ms.get(uuid).copied()
    }

    /// Which client a socket is registered as.
    pub fn bound_to(&self, socket_id: &str) -> Option<&str> {
        let is_bound = |attached: &Attached| attached.link == Link::Socket && attached.socket_id == socket_id;
        self.iter().find(|(_, attached)| is_bound(attached)).map(|(uuid, _)| uuid.as_str())
    }

    pub fn get(&self, uuid: &str) -> Option<&Attached> {
        self.live.get(uuid)
    }

    pub fn heard(&mut self, uuid: &str, now_ms: i64) {
        if let Some(attached) = self.live.get_mut(uuid) {
            attached.heard_ms = now_ms;
        }
    }

    /// Sockets of clients that promised to be heard regularly and have not been: they hang, or their connection is half open.
    pub fn silent(&self, now_ms: i64) -> Vec<String> {
        let is_silent = |attached: &&Attached| {
            attached.patience_ms.is_some_and(|patience_ms| now_ms.saturating_sub(attached.heard_ms) > patience_ms)
        };
        self.live.values().filter(is_silent).map(|attached| attached.socket_id.clone()).collect()
    }

    /// The platform answered a `ping` of this socket then.
    pub fn pinged(&mut self, socket_id: &str, at_ms: i64) {
        if let Some(attached) = self.live.values_mut().find(|attached| attached.socket_id == socket_id) {
            attached.heard_ms = attached.heard_ms.max(at_ms);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&String, &Attached)> {
        self.live.iter()
    }

    pub fn listen(&mut self, socket_id: String, listener: Listener) {
        self.listeners.push((socket_id, listener));
    }

    pub fn listeners(&self) -> impl Iterator<Item = &(String, Listener)> {
        self.listeners.iter()
    }

    /// Whether a stream of `subscriptions/listen` wants to hear of it.
    pub fn is_listened_to(&self, topic: &Topic) -> bool {
        self.listeners.iter().any(|(_, listener)| listener.subscriptions.iter().any(|wanted| wanted.topic == *topic))
    }

    pub fn subscribed(&mut self, topic: String) {
        self.topics.insert(topic);
    }

    pub fn is_subscribed(&self, topic: &str) -> bool {
        self.topics.contains(topic)
    }

    pub fn open_stream(&mut self, stream: Stream) {
        self.streams.push(stream);
    }

    pub fn close_stream(&mut self, socket_id: &str) -> Option<Stream> {
        self.listeners.retain(|(listening, _)| listening != socket_id);
        let place = self.streams.iter().position(|stream| stream.socket_id == socket_id)?;
        Some(self.streams.remove(place))
    }

    pub fn stream(&self, socket_id: &str) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.socket_id == socket_id)
    }

    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// The stream that a session's events go out on: the newest.
    pub fn stream_of(&mut self, session_id: &str) -> Option<&mut Stream> {
        self.streams.iter_mut().rev().find(|stream| stream.session_id == session_id)
    }

    /// Live Blender peers, the one that connected last first.
    pub fn blenders(&self) -> Vec<&String> {
        let mut peers: Vec<_> = self.live.iter().filter(|(_, attached)| attached.client_type == BLENDER).collect();
        peers.sort_by_key(|(_, attached)| core::cmp::Reverse(attached.since_ms));
        peers.into_iter().map(|(uuid, _)| uuid).collect()
    }
}
