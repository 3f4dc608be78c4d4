//! The client registry: who may be sent something, and who is there now.

use kernel::scopes::Scopes;
use kernel::{params, trace};
use serde_json::{Value, json};

use crate::clients::streams;
use crate::delivery::endings;
use crate::rows::owners::{self, Claim};
use crate::rows::{away, clients, inbox, reach};
use crate::turn::change::Change;
use crate::turn::effect::{Effect, close};
use crate::turn::error::{Error, Rejection};
use crate::turn::presence::{Attached, Link};
use crate::turn::{Turn, seconds};
use crate::wire::tools::RegisterClient;
use crate::wire::views::{BLENDER, ClientInfo, JOB_ACK};

/// How many promised pings may be missing before a client counts as gone.
const PINGS_MISSED: i64 = 3;

/// The transport a call arrived on.
#[derive(Debug, Clone, Copy)]
pub enum Via<'a> {
    /// HTTP, in a session or without.
    Http { session_id: Option<&'a str> },
    /// A WebSocket, with the uuid it is registered as, if it is.
    Socket { socket_id: &'a str, bound: Option<&'a str> },
}

impl<'a> Via<'a> {
    fn session_id(self) -> Option<&'a str> {
        match self {
            Self::Http { session_id } => session_id,
            Self::Socket { .. } => None,
        }
    }

    pub fn bound(self) -> Option<&'a str> {
        match self {
            Self::Http { .. } => None,
            Self::Socket { bound, .. } => bound,
        }
    }
}

/// `blender_register_client`. Bucket and `connected_at` of a known client stay as they are.
///
/// # Errors
/// `Rejection::AnotherClient` when a socket registers a second uuid, `Rejection::Limit` at the limit of clients,
/// `Rejection::NotYours` for a name of another grant's, `Rejection::Beyond` for one that the token is not bound to,
/// `Rejection::OtherType` where another client would become a Blender.
pub fn register(turn: &mut Turn<'_>, call: &RegisterClient, via: Via<'_>) -> Result<Value, Error> {
    if let Some(own) = via.bound()
        && own != call.client_uuid
    {
        return Err(Rejection::AnotherClient { uuid: call.client_uuid.clone(), own: own.to_owned() }.into());
    }
    let known = clients::find(turn, &call.client_uuid)?;
    reach::may_register(turn, &call.client_uuid, call.group_id.as_deref(), known.as_ref())?;
    let claim = owners::claim(turn, &call.client_uuid)?;
    check_type(turn, call, known.as_ref())?;
    if known.is_none() {
        make_room(turn)?;
    }
    let instance_before = clients::instance_id(turn, &call.client_uuid)?;
    write_row(turn, call, via)?;
    if claim == Claim::Moved {
        tell_of_move(turn, &call.client_uuid);
    }
    connect(turn, call, via, claim)?;
    settle_jobs(turn, call, via, instance_before)?;
    turn.changes.insert(Change::Clients);
    let client = ClientInfo {
        uuid: call.client_uuid.clone(),
        client_type: call.client_type.clone(),
        is_persistent: known.as_ref().map_or(call.is_persistent, |client| client.is_persistent),
        capabilities: call.capabilities.clone(),
        group_id: call.group_id.clone(),
        connected_at: known.map_or(seconds(turn.now_ms), |client| client.connected_at),
        last_seen: seconds(turn.now_ms),
        connected: true,
    };
    Ok(json!({"status": "ok", "client": client}))
}

fn write_row(turn: &Turn<'_>, call: &RegisterClient, via: Via<'_>) -> Result<(), Error> {
    let capabilities = Value::from(call.capabilities.clone()).to_string();
    turn.sql.query(
        "INSERT INTO clients
           (uuid, client_type, is_persistent, capabilities, group_id, connected_at, last_seen, session_id, instance_id)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (uuid) DO UPDATE SET client_type = excluded.client_type, capabilities = excluded.capabilities,
           group_id = excluded.group_id, last_seen = excluded.last_seen, session_id = excluded.session_id,
           instance_id = excluded.instance_id",
        params![
            call.client_uuid.as_str(),
            call.client_type.as_str(),
            call.is_persistent,
            capabilities,
            call.group_id.clone(),
            turn.now_ms,
            turn.now_ms,
            via.session_id(),
            call.instance_id.clone()
        ],
    )?;
    owners::note(turn, &call.client_uuid)
}

fn tell_of_move(turn: &mut Turn<'_>, client_uuid: &str) {
    let fields = [("client_uuid", trace::shown(client_uuid))];
    turn.effects.push(Effect::Log { line: trace::line("client_moved", fields) });
    if let Some(username) = turn.caller.as_ref().map(|caller| caller.username.clone()) {
        let (what, detail) = ("client moved to a later sign-in", client_uuid.to_owned());
        turn.effects.push(Effect::Audit { username, what, detail });
    }
}

/// The client is reached by the socket or session that it registered over from now on.
fn connect(turn: &mut Turn<'_>, call: &RegisterClient, via: Via<'_>, claim: Claim) -> Result<(), Error> {
    match via {
        Via::Socket { socket_id, .. } => take_place(turn, call, socket_id),
        Via::Http { session_id } => {
            if claim == Claim::Moved || session_id.is_some() {
                replace(turn, &call.client_uuid)?;
            }
            if let Some(session_id) = session_id {
                streams::bind(turn, session_id, call)?;
            }
        }
    }
    Ok(())
}

/// Ends the jobs that the client no longer has.
fn settle_jobs(
    turn: &mut Turn<'_>,
    call: &RegisterClient,
    via: Via<'_>,
    instance_before: Option<String>,
) -> Result<(), Error> {
    match (&call.open_jobs, &call.instance_id, instance_before) {
        (Some(still_has), _, _) => endings::lose_forgotten(turn, &call.client_uuid, still_has)?,
        (None, Some(now), Some(before)) if *now != before => endings::lose_forgotten(turn, &call.client_uuid, &[])?,
        // The server may have been killed together with the socket, so that nobody noted that the peer left.
        _ if via.bound().is_none() && !call.capabilities.iter().any(|capability| capability == JOB_ACK) => {
            away::note_unanswered(turn, &call.client_uuid)?;
        }
        _ => {}
    }
    Ok(())
}

/// # Errors
/// `Rejection::NoPeer`, `Rejection::OtherType`.
fn check_type(turn: &Turn<'_>, call: &RegisterClient, known: Option<&ClientInfo>) -> Result<(), Error> {
    if call.client_type != BLENDER {
        return Ok(());
    }
    if !owners::has_scope(turn, Scopes::PEER) {
        return Err(Rejection::NoPeer.into());
    }
    match known.filter(|known| known.client_type != BLENDER) {
        Some(known) => {
            let (uuid, kind) = (known.uuid.clone(), known.client_type.clone());
            Err(Rejection::OtherType { uuid, kind }.into())
        }
        None => Ok(()),
    }
}

const REPLACED: &str = "replaced by a newer connection of the same client_uuid";

/// A client that had a socket of its own is reached another way from now on: the socket is closed and told why.
fn replace(turn: &mut Turn<'_>, uuid: &str) -> Result<(), Error> {
    let older = turn.presence.get(uuid).filter(|attached| attached.link == Link::Socket);
    let Some((socket_id, acknowledges)) = older.map(|older| (older.socket_id.clone(), older.acknowledges)) else {
        return Ok(());
    };
    turn.presence.detach(uuid, &socket_id, turn.now_ms);
    away::note_left(turn, uuid, acknowledges)?;
    turn.effects.push(Effect::Note { socket_id: socket_id.clone() });
    turn.effects.push(Effect::Close { socket_id, code: close::REPLACED, reason: REPLACED });
    Ok(())
}

/// The newer socket wins: the older one is closed and told why.
fn take_place(turn: &mut Turn<'_>, call: &RegisterClient, socket_id: &str) {
    let mut replaced = None;
    let older = turn
        .presence
        .get(&call.client_uuid)
        .filter(|attached| attached.socket_id != socket_id && attached.link == Link::Socket);
    if let Some(older) = older {
        let socket_id = older.socket_id.clone();
        replaced = Some(socket_id.clone());
        turn.effects.push(Effect::Close { socket_id, code: close::REPLACED, reason: REPLACED });
    }
    let attached = Attached {
        socket_id: socket_id.to_owned(),
        link: Link::Socket,
        client_type: call.client_type.clone(),
        acknowledges: call.capabilities.iter().any(|capability| capability == JOB_ACK),
        since_ms: turn.now_ms,
        heard_ms: turn.now_ms,
        patience_ms: call.ping_interval.map(|seconds| seconds.saturating_mul(PINGS_MISSED).saturating_mul(1_000)),
    };
    turn.presence.attach(call.client_uuid.clone(), attached);
    // The older socket must not count as registered if the object wakes before its client has closed it.
    turn.effects.extend(replaced.map(|socket_id| Effect::Note { socket_id }));
    turn.effects.push(Effect::Note { socket_id: socket_id.to_owned() });
}

fn make_room(turn: &Turn<'_>) -> Result<(), Error> {
    let limit = turn.presence.limits.clients;
    let count = turn.sql.query("SELECT COUNT(*) FROM clients", &[])?;
    if count.first().map_or(Ok(0), |row| row.integer(0))? < limit {
        return Ok(());
    }
    let remedy = "unregister some with blender_unregister_client";
    Err(Rejection::Limit { what: "registered clients", limit, remedy }.into())
}

/// `blender_unregister_client`. Idempotent. A live socket of the client stays open, but is no peer any more.
///
/// # Errors
/// `Rejection::NotYours` for a client of another grant's, `Rejection::Beyond` for one that the token is not bound to.
pub fn unregister(turn: &mut Turn<'_>, uuid: &str) -> Result<Value, Error> {
    reach::check(turn, uuid)?;
    if owners::is_anothers(turn, uuid)? {
        return Err(Rejection::NotYours { uuid: uuid.to_owned() }.into());
    }
    let gone = turn.sql.query("DELETE FROM clients WHERE uuid = ? RETURNING uuid", params![uuid])?;
    turn.presence.cache.forget_caller(uuid);
    inbox::forget(turn, uuid)?;
    if let Some(attached) = turn.presence.forget(uuid) {
        away::note_left(turn, uuid, attached.acknowledges)?;
        if attached.link == Link::Socket {
            turn.effects.push(Effect::Note { socket_id: attached.socket_id });
        }
    }
    if !gone.is_empty() {
        turn.changes.insert(Change::Clients);
    }
    let status = if gone.is_empty() { "not_found" } else { "ok" };
    Ok(json!({"status": status, "client_uuid": uuid}))
}

/// The owner lets a client's name go, for another login or token to register it. Says whether there is such a client.
pub fn release(turn: &mut Turn<'_>, client_uuid: &str) -> Result<bool, Error> {
    let found = owners::release(turn, client_uuid)?;
    if found {
        let fields = [("client_uuid", trace::shown(client_uuid))];
        turn.effects.push(Effect::Log { line: trace::line("client_released", fields) });
    }
    Ok(found)
}

/// Takes a client off the bus: it is told why, its socket is closed, and it is forgotten. Says whether there was one.
pub fn disconnect(turn: &mut Turn<'_>, client_uuid: &str) -> Result<bool, Error> {
    let socket = turn.presence.get(client_uuid).filter(|attached| attached.link == Link::Socket);
    let acknowledges = socket.is_some_and(|attached| attached.acknowledges);
    let socket_id = socket.map(|attached| attached.socket_id.clone());
    let answer = unregister(turn, client_uuid)?;
    away::note_left(turn, client_uuid, acknowledges)?;
    if let Some(socket_id) = socket_id.clone() {
        let reason = "disconnected by its owner in the dashboard";
        turn.effects.push(Effect::Close { socket_id, code: close::DISCONNECTED, reason });
    }
    let known = answer.get("status").and_then(Value::as_str) == Some("ok");
    Ok(known || socket_id.is_some())
}
