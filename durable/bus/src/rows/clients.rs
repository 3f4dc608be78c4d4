//! The rows of registered clients, and how clients are shown.

use kernel::params;
use kernel::storage::Row;
use serde_json::{Value, json};

use crate::rows::{inbox, reach};
use crate::turn::change::Change;
use crate::turn::error::Error;
use crate::turn::job::is_open;
use crate::turn::{Turn, is_older, seconds};
use crate::wire::views::ClientInfo;

/// A caller that registered nothing is listed this long after its last call.
pub const CALLER_LISTED_MS: i64 = 10 * 60 * 1_000;

/// An ephemeral client without a socket is forgotten this long after it was last seen.
pub const EPHEMERAL_KEPT_MS: i64 = 60 * 60 * 1_000;

/// `last_seen` of a caller is written at most this often: row writes are billed, and a slightly stale time is fine.
const TOUCH_EVERY_MS: i64 = 60 * 1_000;

/// Lists an MCP client that calls tools without having registered: type `llm`, ephemeral.
pub fn note_caller(turn: &mut Turn<'_>, uuid: &str) -> Result<(), Error> {
    if turn.presence.cache.is_noted(uuid, TOUCH_EVERY_MS, turn.now_ms) {
        return Ok(());
    }
    let grant_id = turn.caller.as_ref().map(|caller| caller.grant_id.clone());
    let is_new = turn.sql.query("SELECT 1 FROM clients WHERE uuid = ?", params![uuid])?.is_empty();
    turn.sql.query(
        "INSERT INTO clients (uuid, client_type, is_persistent, capabilities, group_id, connected_at, last_seen, grant_id)
         SELECT ?1, 'llm', 0, '[]', NULL, ?2, ?2, ?5
         WHERE EXISTS (SELECT 1 FROM clients WHERE uuid = ?1) OR (SELECT COUNT(*) FROM clients) < ?4
         ON CONFLICT (uuid) DO UPDATE SET last_seen = excluded.last_seen WHERE last_seen < ?3",
        params![uuid, turn.now_ms, turn.now_ms.saturating_sub(TOUCH_EVERY_MS), turn.presence.limits.clients, grant_id],
    )?;
    turn.presence.cache.note_caller(uuid, turn.now_ms);
    if is_new {
        turn.changes.insert(Change::Clients);
    }
    Ok(())
}

/// Writes the time at which a client has left.
pub fn note_left(turn: &mut Turn<'_>, uuid: &str) -> Result<(), Error> {
    turn.sql.query("UPDATE clients SET last_seen = ? WHERE uuid = ?", params![turn.now_ms, uuid])?;
    Ok(())
}

const COLUMNS: &str = "uuid, client_type, is_persistent, capabilities, group_id, connected_at, last_seen";

pub fn find(turn: &Turn<'_>, uuid: &str) -> Result<Option<ClientInfo>, Error> {
    let rows = turn.sql.query(&format!("SELECT {COLUMNS} FROM clients WHERE uuid = ?"), params![uuid])?;
    rows.first().map(|row| client_info(turn, row)).transpose()
}

/// Whether a client registered with this capability.
pub fn is_capable(turn: &Turn<'_>, uuid: &str, capability: &str) -> Result<bool, Error> {
    let statement = "SELECT 1 FROM clients WHERE uuid = ? AND EXISTS
           (SELECT 1 FROM json_each(clients.capabilities) WHERE value = ?)";
    Ok(!turn.sql.query(statement, params![uuid, capability])?.is_empty())
}

/// Which process a client was when it registered last, if it said so.
pub fn instance_id(turn: &Turn<'_>, uuid: &str) -> Result<Option<String>, Error> {
    let rows = turn.sql.query("SELECT instance_id FROM clients WHERE uuid = ?", params![uuid])?;
    Ok(rows.first().map_or(Ok(None), |row| row.optional_text(0))?)
}

/// Since when a client that is not there has been away; none for one that is there or is not known. Unix milliseconds.
pub fn away_since_ms(turn: &Turn<'_>, uuid: &str) -> Result<Option<i64>, Error> {
    if turn.presence.get(uuid).is_some() {
        return Ok(None);
    }
    if let Some(left_ms) = turn.presence.left_ms(uuid) {
        return Ok(Some(left_ms));
    }
    let rows = turn.sql.query("SELECT last_seen FROM clients WHERE uuid = ?", params![uuid])?;
    Ok(rows.first().map(|row| row.integer(0)).transpose()?)
}

/// Every registered client that the caller reaches, in order of registration.
pub fn all(turn: &Turn<'_>) -> Result<Vec<ClientInfo>, Error> {
    let (reached, parameter) = reach::condition(turn, "uuid");
    let statement = format!("SELECT {COLUMNS} FROM clients WHERE {reached} ORDER BY connected_at, uuid");
    let rows = turn.sql.query(&statement, parameter.as_slice())?;
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
        // A client without a socket counts as connected for a while after its last request.
        connected: attached.is_some() || (!is_persistent && !is_older(seen_ms, TOUCH_EVERY_MS, turn.now_ms)),
        uuid,
    })
}

/// Whether a client is listed. An ephemeral one that has been away for a while is not.
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
    let (reached, parameter) = reach::condition(turn, "target_uuid");
    let statement = format!("SELECT COUNT(*) FROM jobs WHERE {reached} AND {}", is_open!());
    let open = turn.sql.query(&statement, parameter.as_slice())?;
    Ok(json!({
        "user_id": turn.user_id,
        "persistent_count": count("persistent"),
        "ephemeral_count": count("ephemeral"),
        "pending_jobs_for_user": open.first().map_or(Ok(0), |row| row.integer(0))?,
    }))
}

/// Forgets ephemeral clients that have not been seen for `EPHEMERAL_KEPT_MS` and hold no socket. One that work waits for
/// keeps its name until that has ended: it would be handed to whoever takes the name.
pub fn forget_idle(turn: &mut Turn<'_>) -> Result<(), Error> {
    let idle = turn.sql.query(
        "SELECT uuid FROM clients WHERE is_persistent = 0 AND last_seen < ? AND NOT EXISTS
           (SELECT 1 FROM jobs WHERE target_uuid = clients.uuid AND state IN ('queued', 'delivered', 'running'))",
        params![turn.now_ms.saturating_sub(EPHEMERAL_KEPT_MS)],
    )?;
    for row in &idle {
        let uuid = row.text(0)?;
        if turn.presence.get(&uuid).is_none() {
            turn.sql.query("DELETE FROM clients WHERE uuid = ?", params![uuid.as_str()])?;
            turn.presence.cache.forget_caller(&uuid);
            inbox::forget(turn, &uuid)?;
        }
    }
    Ok(())
}
