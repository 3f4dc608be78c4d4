//! One object per user: that user's bus. Decodes, takes a turn of `bus`, performs what it says.

mod answer;
mod audit;
mod leaving;
mod pushing;
mod reports;
mod turns;

use core::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use ::metrics::{TOKEN, is_token};
use bus::alarm;
use bus::clients::{sockets, streams};
use bus::delivery::proof;
use bus::peer::{self, Frame};
use bus::requests::listen;
use bus::rows::timers::{self, Kind};
use bus::turn::effect::close;
use bus::turn::error::Error as CoreError;
use bus::turn::limits::Limits;
use bus::turn::presence::Presence;
use runtime::calls::{self, Outcome, Ticket};
use runtime::now_ms;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen_futures::spawn_local;
use worker::web_sys::WebSocket as RuntimeWebSocket;
use worker::{
    DurableObject, Env, Error, Request, Response, Result, State, WebSocket, WebSocketPair, console_error, console_log,
    console_warn, durable_object,
};

use crate::counting::Counting;
use crate::push::tokens::Tokens;
use crate::sleepers::Sleepers;
use crate::sockets::{Opened, Opening, Sockets};
use crate::sqlite::ObjectSql;
use crate::waits::Waits;

pub use answer::status;

/// How soon an alarm whose turn failed goes off again.
const RETRY_ALARM_MS: i64 = 60_000;
/// Frames of one socket that were not understood, before it is closed.
const MAX_MALFORMED: u32 = 20;
/// The WebSocket subprotocol of peers.
const SUBPROTOCOL: &str = "mcp";

#[durable_object]
pub struct UserBus(Rc<Bus>);

/// What the object is made of; shared with the streams of answers that outlive the call that began them.
struct Bus {
    state: State,
    env: Env,
    sql: ObjectSql,
    presence: RefCell<Presence>,
    sockets: Sockets,
    waits: Waits,
    sleepers: Rc<Sleepers>,
    /// The schema is up to date, and what sleeps in rows is in memory.
    awake: Cell<bool>,
    /// When the alarm is known to go off.
    armed_ms: Cell<Option<i64>>,
    /// When a turn will be taken to tell what has changed.
    telling_ms: Cell<Option<i64>>,
    /// When it was last looked who has fallen silent.
    looked_ms: Cell<i64>,
    /// What push services are shown.
    tokens: Tokens,
    /// None where nobody asks for metrics.
    counting: Option<Counting>,
    /// A reference to itself, for tasks that outlive a call.
    me: Weak<Self>,
}

impl DurableObject for UserBus {
    fn new(state: State, env: Env) -> Self {
        let variable = |name: &str| env.var(name).ok().map(|value| value.to_string());
        let limits = Limits::read(variable);
        let is_counted = variable(TOKEN).is_some_and(|token| is_token(&token));
        let mut presence = Presence::with_limits(limits);
        let sockets = Sockets::wake(&state, &mut presence);
        Self(Rc::new_cyclic(|me| Bus {
            sql: ObjectSql(state.storage().sql()),
            presence: RefCell::new(presence),
            sockets,
            waits: Waits::default(),
            sleepers: Rc::default(),
            awake: Cell::new(false),
            armed_ms: Cell::new(None),
            telling_ms: Cell::new(None),
            looked_ms: Cell::new(0),
            tokens: Tokens::default(),
            counting: is_counted.then(Counting::default),
            me: me.clone(),
            state,
            env,
        }))
    }

    /// Opens a socket. A command comes by `UserBus::command`.
    async fn fetch(&self, request: Request) -> Result<Response> {
        self.0.open_socket(&request).await
    }

    async fn alarm(&self) -> Result<Response> {
        self.0.armed_ms.set(None);
        // If an alarm fails, the runtime retries it six times and then drops it for good. So log the error and set
        // another alarm.
        let user_id = self.0.turn("", |turn| alarm::owner(turn)).await;
        let done = match user_id {
            Ok(user_id) => self.0.turn(&user_id.unwrap_or_default(), alarm::alarm).await,
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            logged(&error);
            self.0.count_error();
            // Nothing that was due is lost: the timers are rows.
            if let Err(error) = self.0.arm(now_ms().saturating_add(RETRY_ALARM_MS)).await {
                logged(&error);
            }
        }
        Response::empty()
    }

    async fn websocket_close(&self, socket: WebSocket, code: usize, _reason: String, _clean: bool) -> Result<()> {
        // 1005, 1006 and 1015 say how a socket ended and may not be sent.
        let code = u16::try_from(code).ok().filter(|code| !matches!(code, 1005 | 1006 | 1015));
        if let Err(error) = socket.close(code, Some("")) {
            console_log!("close of a closed socket: {error}");
        }
        self.0.gone(&socket).await
    }

    async fn websocket_error(&self, socket: WebSocket, error: Error) -> Result<()> {
        console_warn!("socket failed: {error}");
        self.0.gone(&socket).await
    }
}

/// What `scripts/entry.js` calls besides, with a ticket of `runtime::calls`.
#[wasm_bindgen]
impl UserBus {
    /// A `Request` of the edge or of another object, as JSON.
    pub fn command(&self, request: String, ticket: Ticket) {
        let bus = Rc::clone(&self.0);
        calls::serve(ticket, async move { bus.answer(serde_json::from_str(&request)?).await });
    }

    /// A frame of a socket with this attachment; none for one that is no text.
    pub fn heard(&self, socket: RuntimeWebSocket, attachment: Option<String>, frame: Option<String>, ticket: Ticket) {
        let bus = Rc::clone(&self.0);
        calls::serve(ticket, async move {
            let Some(opened) = attachment.as_deref().and_then(Opened::read) else { return Ok(Outcome::Done) };
            bus.heard(&socket.into(), &opened, frame).await.map(|()| Outcome::Done)
        });
    }
}

impl Bus {
    async fn heard(&self, socket: &WebSocket, opened: &Opened, frame: Option<String>) -> Result<()> {
        if opened.has_ended {
            return Ok(());
        }
        self.sockets.heard(&opened.socket_id);
        if !opened.is_client() {
            let read = self.turn(&opened.user_id, |turn| streams::read(turn, &opened.socket_id)).await;
            return read.map_err(|error| logged(&error));
        }
        let Some(text) = frame else {
            return socket.close(Some(close::PROTOCOL_ERROR), Some("expected text frames of JSON-RPC"));
        };
        let now_ms = now_ms();
        if !self.sockets.admits(&opened.socket_id, text.len(), &self.presence.borrow().limits, now_ms) {
            return self.end_flood(opened).await;
        }
        let heard = self
            .turn_at(now_ms, &opened.user_id, |turn| {
                if let Some(uuid) = turn.presence.bound_to(&opened.socket_id).map(str::to_owned) {
                    turn.presence.heard(&uuid, turn.now_ms);
                }
                let from = peer::Socket { socket_id: &opened.socket_id, caller: &opened.caller() };
                peer::receive(turn, from, &text)
            })
            .await;
        match heard {
            Ok(Frame::Understood) => Ok(()),
            Ok(Frame::Malformed) if self.sockets.count_malformed(&opened.socket_id) < MAX_MALFORMED => Ok(()),
            Ok(Frame::Malformed) => socket.close(Some(close::PROTOCOL_ERROR), Some("too many malformed frames")),
            Err(error) => {
                logged(&error);
                self.count_error();
                socket.close(Some(1011), Some("internal error of the bus; its log has the reason"))
            }
        }
    }

    /// Lets a socket's last `ping` prove what has arrived.
    fn look_for_ping(&self, user_id: &str, socket_id: String) {
        let (Some(bus), Some(pinged_ms)) = (self.me.upgrade(), self.sockets.last_ping(&self.state, &socket_id)) else {
            return;
        };
        let user_id = user_id.to_owned();
        spawn_local(async move {
            if let Err(error) = bus.turn(&user_id, |turn| proof::pinged(turn, &socket_id, pinged_ms)).await {
                logged(&error);
            }
        });
    }

    /// Takes a turn at this time, which announces changes at its end.
    fn tell_later(&self, user_id: &str, due_ms: i64) {
        let Some(bus) = self.me.upgrade() else { return };
        if self.telling_ms.get().is_some_and(|telling_ms| telling_ms <= due_ms) {
            return;
        }
        self.telling_ms.set(Some(due_ms));
        let user_id = user_id.to_owned();
        spawn_local(async move {
            bus.sleepers.until(due_ms, now_ms()).await;
            if bus.telling_ms.get() == Some(due_ms) {
                bus.telling_ms.set(None);
            }
            if let Err(error) = bus.turn(&user_id, |_| Ok(())).await {
                logged(&error);
            }
        });
    }

    /// Accepts a peer's socket, or the edge's end of an event stream. The edge has checked the token and says in headers
    /// whose it is.
    async fn open_socket(&self, request: &Request) -> Result<Response> {
        let Opening { opened, expires_ms, stream, listener } = Opened::from_edge(request.headers())?;
        let open = self.sockets.open_beside(&opened);
        if let Err(reason) = sockets::room(&self.presence.borrow().limits, opened.is_client(), open) {
            return Response::error(reason, 429);
        }
        let session_id = stream.as_ref().map(|(session_id, _)| session_id.as_str());
        let admitted = self.turn(&opened.user_id, |turn| sockets::admit(turn, &opened.grant_id, session_id)).await;
        let session = match admitted.map_err(|error| logged(&error))? {
            Ok(session) => session,
            Err(reply) => return Ok(Response::from_json(&reply)?.with_status(404)),
        };
        let pair = WebSocketPair::new()?;
        self.sockets.accept(&self.state, pair.server, &opened)?;
        let begun = self.turn(&opened.user_id, |turn| {
            timers::ensure(turn, Kind::SocketExpiry, &opened.socket_id, expires_ms)?;
            if let Some(listener) = listener {
                listen::listen(turn, &opened.socket_id, listener)?;
            }
            match &session {
                Some(session) => {
                    let seen = stream.as_ref().and_then(|(_, seen)| *seen);
                    streams::open(turn, &opened.socket_id, session, seen)
                }
                None => Ok(()),
            }
        });
        begun.await.map_err(|error| logged(&error))?;
        let response = Response::from_websocket(pair.client)?;
        if opened.subprotocol {
            response.headers().set("Sec-WebSocket-Protocol", SUBPROTOCOL)?;
        }
        Ok(response)
    }
}

/// Logs the error in full. Callers get one opaque sentence.
fn logged(error: &CoreError) -> Error {
    console_error!("bus: {error}");
    Error::RustError("internal error".to_owned())
}
