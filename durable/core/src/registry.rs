//! The client registry: who may be sent something, and who is there now.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::bus_tools::RegisterClient;
use crate::change::Change;
use crate::effect::{Effect, close};
use crate::error::{Error, Rejection};
use crate::params;
use crate::presence::{Attached, Link};
use crate::storage::Row;
use crate::streams;
use crate::turn::{Turn, is_older, seconds};

/// A caller that registered nothing is listed this long after its last call.
pub const CALLER_LISTED_MS: i64 = 10 * 60 * 1_000;
/// An ephemeral client without a socket is forgotten this long after it was last seen.
pub const EPHEMERAL_KEPT_MS: i64 = 60 * 60 * 1_000;
/// `last_seen` of a caller is written at most this often: a row written costs, a stale second does not.
const TOUCH_EVERY_MS: i64 = 60 * 1_000;
/// Capability of a peer that acknowledges jobs and runs none twice.
pub const JOB_ACK: &str = "job_ack";

/// A client as every tool and resource shows it. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientInfo {
    pub uuid: String,
    pub client_type: String,
    pub is_persistent: bool,
    pub capabilities: Vec<String>,
    pub group_id: Option<String>,
    pub connected_at: f64,
    pub last_seen: f64,
    pub connected: bool,
}

/// Through what a client spoke.
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
/// `Rejection::AnotherClient` when a socket registers a second uuid, `Rejection::Limit` at the limit of clients.
pub fn register(turn: &mut Turn<'_>, call: &RegisterClient, via: Via<'_>) -> Result<Value, Error> {
    if let Some(own) = via.bound()
        && own != call.client_uuid
    {
        return Err(Rejection::AnotherClient { uuid: call.client_uuid.clone(), own: own.to_owned() }.into());
    }
    let known = find(turn, &call.client_uuid)?;
    if known.is_none() {
        make_room(turn)?;
    }
    let capabilities = Value::from(call.capabilities.clone()).to_string();
    turn.sql.query(
        "INSERT INTO clients
           (uuid, client_type, is_persistent, capabilities, group_id, connected_at, last_seen, session_id)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (uuid) DO UPDATE SET client_type = excluded.client_type, capabilities = excluded.capabilities,
           group_id = excluded.group_id, last_seen = excluded.last_seen, session_id = excluded.session_id",
        params![
            call.client_uuid.as_str(),
            call.client_type.as_str(),
            call.is_persistent,
            capabilities,
            call.group_id.clone(),
            turn.now_ms,
            turn.now_ms,
            via.session_id()
        ],
    )?;
    match via {
        Via::Socket { socket_id, .. } => take_place(turn, call, socket_id),
        Via::Http { session_id: Some(session_id) } => streams::bind(turn, session_id, call)?,
        Via::Http { session_id: None } => {}
    }
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

/// The newer socket wins: the older one is closed and told why.
fn take_place(turn: &mut Turn<'_>, call: &RegisterClient, socket_id: &str) {
    let older = turn
        .presence
        .get(&call.client_uuid)
        .filter(|attached| attached.socket_id != socket_id && attached.link == Link::Socket);
    if let Some(older) = older {
        let reason = "replaced by a newer connection of the same client_uuid";
        turn.effects.push(Effect::Close { socket_id: older.socket_id.clone(), code: close::REPLACED, reason });
    }
    let attached = Attached {
        socket_id: socket_id.to_owned(),
        link: Link::Socket,
        client_type: call.client_type.clone(),
        acknowledges: call.capabilities.iter().any(|capability| capability == JOB_ACK),
        since_ms: turn.now_ms,
        heard_ms: turn.now_ms,
    };
    turn.presence.attach(call.client_uuid.clone(), attached);
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
pub fn unregister(turn: &mut Turn<'_>, uuid: &str) -> Result<Value, Error> {
    let gone = turn.sql.query("DELETE FROM clients WHERE uuid = ? RETURNING uuid", params![uuid])?;
    turn.presence.cache.forget_caller(uuid);
    if let Some(attached) = turn.presence.forget(uuid)
        && attached.link == Link::Socket
    {
        turn.effects.push(Effect::Note { socket_id: attached.socket_id });
    }
    if !gone.is_empty() {
        turn.changes.insert(Change::Clients);
    }
    let status = if gone.is_empty() { "not_found" } else { "ok" };
    Ok(json!({"status": status, "client_uuid": uuid}))
}

/// Lists an MCP client that calls tools without having registered: type `llm`, ephemeral.
pub fn note_caller(turn: &mut Turn<'_>, uuid: &str) -> Result<(), Error> {
    if turn.presence.cache.is_noted(uuid, TOUCH_EVERY_MS, turn.now_ms) {
        return Ok(());
    }
    let is_new = turn.sql.query("SELECT 1 FROM clients WHERE uuid = ?", params![uuid])?.is_empty();
    turn.sql.query(
        "INSERT INTO clients (uuid, client_type, is_persistent, capabilities, group_id, connected_at, last_seen)
         SELECT ?1, 'llm', 0, '[]', NULL, ?2, ?2
         WHERE EXISTS (SELECT 1 FROM clients WHERE uuid = ?1) OR (SELECT COUNT(*) FROM clients) < ?4
         ON CONFLICT (uuid) DO UPDATE SET last_seen = excluded.last_seen WHERE last_seen < ?3",
        params![uuid, turn.now_ms, turn.now_ms.saturating_sub(TOUCH_EVERY_MS), turn.presence.limits.clients],
    )?;
    turn.presence.cache.note_caller(uuid, turn.now_ms);
    if is_new {
        turn.changes.insert(Change::Clients);
    }
    Ok(())
}

/// Writes when a client that has just left was last there.
pub fn note_left(turn: &mut Turn<'_>, uuid: &str) -> Result<(), Error> {
    turn.sql.query("UPDATE clients SET last_seen = ? WHERE uuid = ?", params![turn.now_ms, uuid])?;
    Ok(())
}

const COLUMNS: &str = "uuid, client_type, is_persistent, capabilities, group_id, connected_at, last_seen";

pub fn find(turn: &Turn<'_>, uuid: &str) -> Result<Option<ClientInfo>, Error> {
    let rows = turn.sql.query(&format!("SELECT {COLUMNS} FROM clients WHERE uuid = ?"), params![uuid])?;
    rows.first().map(|row| client_info(turn, row)).transpose()
}

/// Every registered client, in order of registration.
pub fn all(turn: &Turn<'_>) -> Result<Vec<ClientInfo>, Error> {
    let rows = turn.sql.query(&format!("SELECT {COLUMNS} FROM clients ORDER BY connected_at, uuid"), &[])?;
    rows.iter().map(|row| client_info(turn, row)).collect()
}

fn client_info(turn: &Turn<'_>, row: &Row) -> Result<ClientInfo, Error> {
    let uuid = row.text(0)?;
    let is_persistent = row.boolean(2)?;
    let capabilities =
        serde_json::from_str(&row.text(3)?).map_err(|source| Error::Stored { what: "list of capabilities", source })?;
    let attached = turn.presence.get(&uuid);
    let seen_ms = attached.map_or(row.integer(6)?, |attached| attached.heard_ms.max(attached.since_ms));
    Ok(ClientInfo {
        client_type: row.text(1)?,
        is_persistent,
        capabilities,
        group_id: row.optional_text(4)?,
        connected_at: seconds(row.integer(5)?),
        last_seen: seconds(seen_ms),
        // A client without a socket is as connected as its last request is fresh.
        connected: attached.is_some() || (!is_persistent && !is_older(seen_ms, TOUCH_EVERY_MS, turn.now_ms)),
        uuid,
    })
}

/// Whether a client is shown: an ephemeral one that has been gone for a while is not.
pub fn is_listed(turn: &Turn<'_>, client: &ClientInfo) -> bool {
    let since_ms = turn.now_ms.saturating_sub(CALLER_LISTED_MS);
    client.connected || client.is_persistent || seconds(since_ms) <= client.last_seen
}

/// The document of `blender://bus/clients`, and with `status` of `blender_list_available_clients`.
pub fn list(turn: &Turn<'_>) -> Result<Value, Error> {
    let (persistent, ephemeral): (Vec<_>, Vec<_>) =
        all(turn)?.into_iter().filter(|client| is_listed(turn, client)).partition(|client| client.is_persistent);
    Ok(json!({"user_id": turn.user_id, "persistent": persistent, "ephemeral": ephemeral}))
}

/// The document of `blender://bus/stats`.
pub fn stats(turn: &Turn<'_>) -> Result<Value, Error> {
    let clients = list(turn)?;
    let count = |bucket: &str| clients.get(bucket).and_then(Value::as_array).map_or(0, Vec::len);
    let open = turn.sql.query("SELECT COUNT(*) FROM jobs WHERE state IN ('queued', 'delivered', 'running')", &[])?;
    Ok(json!({
        "user_id": turn.user_id,
        "persistent_count": count("persistent"),
        "ephemeral_count": count("ephemeral"),
        "pending_jobs_for_user": open.first().map_or(Ok(0), |row| row.integer(0))?,
    }))
}

/// Forgets ephemeral clients that have not been seen for `EPHEMERAL_KEPT_MS` and hold no socket.
pub fn forget_idle(turn: &mut Turn<'_>) -> Result<(), Error> {
    let idle = turn.sql.query(
        "SELECT uuid FROM clients WHERE is_persistent = 0 AND last_seen < ?",
        params![turn.now_ms.saturating_sub(EPHEMERAL_KEPT_MS)],
    )?;
    for row in &idle {
        let uuid = row.text(0)?;
        if turn.presence.get(&uuid).is_none() {
            turn.sql.query("DELETE FROM clients WHERE uuid = ?", params![uuid.as_str()])?;
            turn.presence.cache.forget_caller(&uuid);
            turn.sql.query("DELETE FROM inbox WHERE client_uuid = ?", params![uuid])?;
        }
    }
    Ok(())
}
