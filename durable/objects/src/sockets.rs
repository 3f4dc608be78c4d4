//! The live WebSockets of a bus. What must survive hibernation is stored in their attachments.

mod attachment;

use core::cell::RefCell;
use std::collections::HashMap;

use crate::unread::Unread;
use bus::clients::sockets::Open;
use bus::turn::effect::close;
use bus::turn::limits::{FrameMeter, Limits};
use bus::turn::presence::Presence;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::js_sys::Date;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Result, State, WebSocket, WebSocketRequestResponsePair, console_error, console_log};

pub use attachment::{Opened, Opening, header};

/// What the object sends over an event stream, and the edge sends back once everything before it has been read. No event
/// looks like it: each has a line feed.
pub const READ: &str = "read";

/// Bytes that all sockets of an object together may leave unread. An isolate has 128 MiB for everything.
const MAX_UNREAD: u64 = 64 * 1024 * 1024;

#[wasm_bindgen]
extern "C" {
    /// A method of the state that the crate does not bind.
    type Pings;

    #[wasm_bindgen(method, catch, js_name = getWebSocketAutoResponseTimestamp)]
    fn last_answered(this: &Pings, socket: &JsValue) -> core::result::Result<Option<Date>, JsValue>;
}

/// When the platform answered the last `ping` of a socket. Unix milliseconds.
#[allow(clippy::cast_possible_truncation)]
pub fn last_ping(state: &State, socket: &WebSocket) -> Option<i64> {
    let state: &JsValue = state.as_raw().as_ref();
    let answered = state.unchecked_ref::<Pings>().last_answered(socket.as_ref());
    let answered = answered.unwrap_or_else(|error| {
        console_log!("last ping: {error:?}");
        None
    });
    answered.map(|at| at.get_time() as i64)
}

pub struct Sockets(RefCell<HashMap<String, Live>>);

/// The socket that has left most unread, where all together have left more than the object may keep.
fn slowest_of_too_many(sockets: &HashMap<String, Live>) -> Option<String> {
    let total = sockets.values().fold(0_u64, |total, live| total.saturating_add(live.unread.bytes()));
    let slowest = || sockets.iter().max_by_key(|(_, live)| live.unread.bytes());
    if total > MAX_UNREAD { slowest().map(|(socket_id, _)| socket_id.clone()) } else { None }
}

struct Live {
    socket: WebSocket,
    opened: Opened,
    malformed: u32,
    unread: Unread,
    came: FrameMeter,
}

impl Live {
    fn new(socket: WebSocket, opened: Opened) -> Self {
        Self { socket, opened, malformed: 0, unread: Unread::default(), came: FrameMeter::default() }
    }

    fn send(&mut self, frame: &str, now_ms: i64) {
        self.unread.send(frame.len(), now_ms);
        if let Err(error) = self.socket.send_with_str(frame) {
            // The close event follows; what was to be acknowledged is sent again.
            console_log!("send to {}: {error}", self.opened.socket_id);
        }
        if !self.opened.is_client() && self.unread.asks(false) {
            self.ask();
        }
    }

    fn ask(&self) {
        if let Err(error) = self.socket.send_with_str(READ) {
            console_log!("send to {}: {error}", self.opened.socket_id);
        }
    }

    /// Whether it has left too much unread, its last `ping` considered.
    fn is_too_slow(&mut self, state: &State, now_ms: i64) -> bool {
        if self.unread.is_too_much(now_ms)
            && self.opened.is_client()
            && let Some(pinged_ms) = last_ping(state, &self.socket)
        {
            self.unread.read_before(pinged_ms);
        }
        self.unread.is_too_much(now_ms)
    }

    /// Closes it. It counts as gone from now on, because a peer that does not read does not finish the close handshake
    /// either.
    fn end(mut self, code: u16, reason: &str) -> Opened {
        self.opened.has_ended = true;
        if let Err(error) = self.opened.write(&self.socket) {
            console_error!("socket attachment: {error}");
        }
        if let Err(error) = self.socket.close(Some(code), Some(reason)) {
            console_log!("close of {}: {error}", self.opened.socket_id);
        }
        self.opened
    }
}

impl Sockets {
    /// The sockets that outlived the object's sleep, and who they are registered as. `ping` is answered by the platform.
    pub fn wake(state: &State, presence: &mut Presence) -> Self {
        match WebSocketRequestResponsePair::new("ping", "pong") {
            Ok(pair) => state.set_websocket_auto_response(&pair),
            Err(error) => console_error!("auto response: {error:?}"),
        }
        let mut live = HashMap::new();
        for socket in state.get_websockets() {
            let Some(opened) = Opened::of(&socket).filter(|opened| !opened.has_ended) else { continue };
            opened.wake(presence);
            live.insert(opened.socket_id.clone(), Live::new(socket, opened));
        }
        Self(RefCell::new(live))
    }

    /// What is open, as `newcomer` finds it.
    pub fn open_beside(&self, newcomer: &Opened) -> Open {
        let sockets = self.0.borrow();
        let count = |wanted: &dyn Fn(&Opened) -> bool| sockets.values().filter(|live| wanted(&live.opened)).count();
        let is_client = newcomer.is_client();
        Open {
            all: sockets.len(),
            streams: count(&|opened| !opened.is_client()),
            alike_of_grant: count(&|opened| opened.is_client() == is_client && opened.grant_id == newcomer.grant_id),
        }
    }

    /// How many are open: of clients, and streams.
    pub fn count(&self) -> (usize, usize) {
        let sockets = self.0.borrow();
        let clients = sockets.values().filter(|live| live.opened.is_client()).count();
        (clients, sockets.len().saturating_sub(clients))
    }

    pub fn accept(&self, state: &State, socket: WebSocket, opened: &Opened) -> Result<()> {
        state.accept_websocket_with_tags(&socket, &[&opened.socket_id]);
        opened.write(&socket)?;
        let live = Live::new(socket, opened.clone());
        self.0.borrow_mut().insert(opened.socket_id.clone(), live);
        Ok(())
    }

    /// When the platform answered the last `ping` of a socket. Unix milliseconds.
    pub fn last_ping(&self, state: &State, socket_id: &str) -> Option<i64> {
        last_ping(state, &self.0.borrow().get(socket_id)?.socket)
    }

    pub fn forget(&self, socket_id: &str) {
        self.0.borrow_mut().remove(socket_id);
    }

    /// Sends a frame. Returns a socket that has left too much unread: it was closed.
    pub fn send(&self, state: &State, socket_id: &str, frame: &str, now_ms: i64) -> Option<Opened> {
        let mut sockets = self.0.borrow_mut();
        let live = sockets.get_mut(socket_id)?;
        live.send(frame, now_ms);
        let slow =
            if live.is_too_slow(state, now_ms) { Some(socket_id.to_owned()) } else { slowest_of_too_many(&sockets) };
        let reason = "too slow: too much of what was sent has not been read";
        sockets.remove(&slow?).map(|live| live.end(close::TOO_SLOW, reason))
    }

    /// Closes a socket, which counts as gone from now on.
    pub fn end(&self, socket_id: &str, code: u16, reason: &str) -> Option<Opened> {
        let live = self.0.borrow_mut().remove(socket_id)?;
        Some(live.end(code, reason))
    }

    /// Whether a frame of so many bytes, which has come, is within the limit.
    pub fn admits(&self, socket_id: &str, bytes: usize, limits: &Limits, now_ms: i64) -> bool {
        let mut sockets = self.0.borrow_mut();
        sockets.get_mut(socket_id).is_none_or(|live| live.came.admit(bytes, limits, now_ms))
    }

    /// When the platform answered the last `ping` of each client's own socket.
    pub fn pings(&self, state: &State) -> Vec<(String, i64)> {
        let sockets = self.0.borrow();
        let clients = sockets.iter().filter(|(_, live)| live.opened.is_client());
        clients.filter_map(|(socket_id, live)| Some((socket_id.clone(), last_ping(state, &live.socket)?))).collect()
    }

    /// Asks the edge to say when what went out over an event stream has been read.
    pub fn ask(&self, socket_id: &str) {
        if let Some(live) = self.0.borrow_mut().get_mut(socket_id)
            && live.unread.asks(true)
        {
            live.ask();
        }
    }

    /// A socket was heard: what went out over it has been read, over an event stream as far as was asked.
    pub fn heard(&self, socket_id: &str) {
        match self.0.borrow_mut().get_mut(socket_id) {
            Some(live) if live.opened.is_client() => live.unread.read_all(),
            Some(live) => live.unread.read_as_asked(),
            None => {}
        }
    }

    /// Saves in the attachment what the socket is registered as now.
    pub fn note(&self, socket_id: &str, presence: &Presence) {
        let mut sockets = self.0.borrow_mut();
        let Some(live) = sockets.get_mut(socket_id) else { return };
        live.opened.note(presence);
        if let Err(error) = live.opened.write(&live.socket) {
            console_error!("socket attachment: {error}");
        }
    }

    /// This and the next two say how many sockets they closed.
    pub fn close(&self, socket_id: &str, code: u16, reason: &str) -> usize {
        let sockets = self.0.borrow();
        let Some(live) = sockets.get(socket_id) else { return 0 };
        if let Err(error) = live.socket.close(Some(code), Some(reason)) {
            console_log!("close of {socket_id}: {error}");
        }
        1
    }

    pub fn close_grant(&self, grant_id: &str, code: u16, reason: &str) -> usize {
        self.close_which(|opened| opened.grant_id == grant_id, code, reason)
    }

    pub fn close_all(&self, code: u16, reason: &str) -> usize {
        self.close_which(|_| true, code, reason)
    }

    fn close_which(&self, wanted: impl Fn(&Opened) -> bool, code: u16, reason: &str) -> usize {
        let live = self.0.borrow();
        let chosen = live.values().filter(|live| wanted(&live.opened));
        let socket_ids: Vec<String> = chosen.map(|live| live.opened.socket_id.clone()).collect();
        drop(live);
        socket_ids.iter().map(|socket_id| self.close(socket_id, code, reason)).fold(0, usize::saturating_add)
    }

    /// Counts one more frame that was not understood, and says how many there were.
    pub fn count_malformed(&self, socket_id: &str) -> u32 {
        self.0.borrow_mut().get_mut(socket_id).map_or(0, |live| {
            live.malformed = live.malformed.saturating_add(1);
            live.malformed
        })
    }
}
