//! Who is attached right now. Memory only: the glue rebuilds it from the live sockets whenever the object wakes.

use std::collections::BTreeMap;

/// A live socket that has registered as a client.
#[derive(Debug, Clone, PartialEq)]
pub struct Attached {
    pub socket_id: String,
    pub client_type: String,
    /// The peer promised to acknowledge jobs and to run none twice (capability `job_ack`).
    pub acknowledges: bool,
    /// When this socket registered. Unix milliseconds.
    pub since_ms: i64,
    /// When it was last heard. Unix milliseconds.
    pub heard_ms: i64,
}

/// Live clients by uuid, and when those that have gone left.
#[derive(Debug, Default)]
pub struct Presence {
    live: BTreeMap<String, Attached>,
    left_ms: BTreeMap<String, i64>,
}

/// The client type of a Blender.
pub const BLENDER: &str = "blender";

impl Presence {
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
        self.iter().find(|(_, attached)| attached.socket_id == socket_id).map(|(uuid, _)| uuid.as_str())
    }

    pub fn get(&self, uuid: &str) -> Option<&Attached> {
        self.live.get(uuid)
    }

    pub fn heard(&mut self, uuid: &str, now_ms: i64) {
        if let Some(attached) = self.live.get_mut(uuid) {
            attached.heard_ms = now_ms;
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&String, &Attached)> {
        self.live.iter()
    }

    /// Live Blender peers, the one that connected last first.
    pub fn blenders(&self) -> Vec<&String> {
        let mut peers: Vec<_> = self.live.iter().filter(|(_, attached)| attached.client_type == BLENDER).collect();
        peers.sort_by_key(|(_, attached)| core::cmp::Reverse(attached.since_ms));
        peers.into_iter().map(|(uuid, _)| uuid).collect()
    }
}
