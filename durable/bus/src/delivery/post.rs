//! Notifications on their way: to a client that is there, else kept for it. Events of sessions are kept before they are sent.

use kernel::params;
use kernel::shorten::shorten;
use serde_json::{Value, json};

use crate::rows::{clients, inbox, sessions};
use crate::turn::Turn;
use crate::turn::effect::Effect;
use crate::turn::error::Error;
use crate::turn::presence::Link;
use crate::wire::priority::Priority;
use crate::wire::record::{LOGGER, Record, notification, notification_text};
use crate::wire::views::RECORD_ACK;

/// In `_meta` of a record's notification: its place, which a client with the capability `record_ack` confirms.
const PLACE: &str = "blender-bus/place";

/// The longest message of an event, in bytes: common clients end a stream at an event of 1 MiB.
const MAX_EVENT: usize = 1024 * 1024 - 1024;
/// What is left for the notification around a record, in bytes.
const AROUND: usize = 1024;

/// How many records may be unproven on a client's socket before its last `ping` is checked for proof.
const LOOK_FOR_PING_EVERY: i64 = 50;

/// Keeps the record for its recipient, and sends it if the recipient is connected. Returns whether the recipient is
/// registered.
pub fn deliver(turn: &mut Turn<'_>, record: &Record) -> Result<bool, Error> {
    let recipient = record.target_uuid.as_str();
    match turn.presence.get(recipient).map(|attached| (attached.link.clone(), attached.socket_id.clone())) {
        Some((Link::Stream { session_id }, _)) => push(turn, recipient, &session_id, &record.notification())?,
        Some((Link::Socket, socket_id)) => {
            let notification = record.notification();
            let seq = inbox::keep(turn, recipient, &notification)?;
            let confirms = clients::is_capable(turn, recipient, RECORD_ACK)?;
            send_kept(turn, &socket_id, seq, notification, confirms);
            let kept = inbox::kept(turn, recipient)?.count;
            if !confirms && kept.checked_rem(LOOK_FOR_PING_EVERY) == Some(0) {
                turn.effects.push(Effect::LookForPing { socket_id });
            }
        }
        None if clients::find(turn, recipient)?.is_none() => return Ok(false),
        None => drop(inbox::keep(turn, recipient, &record.notification())?),
    }
    Ok(true)
}

/// Sends a kept record over a client's own socket; with its place, if the client confirms by that.
fn send_kept(turn: &mut Turn<'_>, socket_id: &str, seq: i64, mut notification: Value, confirms: bool) {
    if let (Some(Value::Object(params)), true) = (notification.get_mut("params"), confirms) {
        params.insert("_meta".to_owned(), json!({PLACE: seq.to_string()}));
    }
    turn.effects.push(Effect::Send { socket_id: socket_id.to_owned(), frame: notification.to_string() });
}

/// Sends a notification to a connected client, by socket or stream. Returns whether it is connected.
pub fn send(turn: &mut Turn<'_>, client_uuid: &str, notification: &Value) -> Result<bool, Error> {
    match turn.presence.get(client_uuid).map(|attached| (attached.link.clone(), attached.socket_id.clone())) {
        None => return Ok(false),
        Some((Link::Socket, socket_id)) => {
            turn.effects.push(Effect::Send { socket_id, frame: notification.to_string() });
        }
        Some((Link::Stream { session_id }, _)) => push(turn, client_uuid, &session_id, notification)?,
    }
    Ok(true)
}

/// Sends a record that is JSON already, so that it is not written twice.
pub fn send_record(
    turn: &mut Turn<'_>,
    client_uuid: &str,
    priority: u8,
    record: &str,
    sender: Option<&str>,
) -> Result<(), Error> {
    match turn.presence.get(client_uuid).map(|attached| (attached.link.clone(), attached.socket_id.clone())) {
        None => {}
        Some((Link::Socket, socket_id)) => {
            turn.effects.push(Effect::Send { socket_id, frame: notification_text(priority, record, sender) });
        }
        Some((Link::Stream { session_id }, _)) => {
            let record: Record =
                serde_json::from_str(record).map_err(|source| Error::Stored { what: "record", source })?;
            push(turn, client_uuid, &session_id, &record.notification())?;
        }
    }
    Ok(())
}

/// Sends a client that has just attached by a socket what is kept for it, oldest first. It stays until it has arrived.
pub fn hand_over(turn: &mut Turn<'_>, client_uuid: &str) -> Result<(), Error> {
    let Some(socket_id) = turn.presence.get(client_uuid).map(|attached| attached.socket_id.clone()) else {
        return Ok(());
    };
    if inbox::kept(turn, client_uuid)?.count == 0 {
        return Ok(());
    }
    let confirms = clients::is_capable(turn, client_uuid, RECORD_ACK)?;
    let statement = "SELECT seq, message FROM inbox WHERE client_uuid = ? ORDER BY seq";
    for row in &turn.sql.query(statement, params![client_uuid])? {
        send_kept(turn, &socket_id, row.integer(0)?, inbox::message(row, 1)?, confirms);
    }
    Ok(())
}

/// A frame to the edge: the event's id, a line feed, and the message; an event without a message only sets the id.
pub fn frame(seq: i64, message: &str) -> String {
    format!("{seq}\n{message}")
}

/// A frame that says that a resource has changed. It has no event id: it is not kept, and what comes after it is no further
/// along.
pub fn news(uri: &str) -> String {
    format!("\n{}", notification("notifications/resources/updated", json!({"uri": uri})))
}

/// Keeps a record for a session's client, and sends it where a stream is open.
pub fn push(turn: &mut Turn<'_>, owner: &str, session_id: &str, notification: &Value) -> Result<(), Error> {
    let seq = inbox::keep(turn, owner, notification)?;
    if let Some(stream) = turn.presence.stream_of(session_id).filter(|stream| !stream.is_behind) {
        let socket_id = stream.socket_id.clone();
        send_event(turn, session_id, seq, notification)?;
        turn.effects.push(Effect::Note { socket_id });
    }
    Ok(())
}

/// Sends a kept record as an event, where a stream is open.
pub fn send_event(turn: &mut Turn<'_>, session_id: &str, seq: i64, notification: &Value) -> Result<(), Error> {
    let (_, log_level) = sessions::place(turn, session_id)?;
    let wanted = is_wanted(notification, &log_level);
    let Some(stream) = turn.presence.stream_of(session_id) else { return Ok(()) };
    stream.sent_seq = stream.sent_seq.max(seq);
    if wanted {
        let socket_id = stream.socket_id.clone();
        turn.effects.push(Effect::Send { socket_id, frame: frame(seq, &event_text(notification)) });
    }
    Ok(())
}

/// A record as the text of an event, cut where it would be too long for one. A job stays whole: half a script must not run.
fn event_text(notification: &Value) -> String {
    let text = notification.to_string();
    if text.len() <= MAX_EVENT {
        return text;
    }
    let mut cut = notification.clone();
    match cut.pointer_mut("/params/data").filter(|record| !is_job(record)) {
        Some(record) => {
            let target = record.get("target_uuid").and_then(Value::as_str).unwrap_or_default();
            let hint = format!(
                "This record is cut to fit an event of a stream; blender_receive_messages(client_uuid={target:?}) has all of it."
            );
            shorten(record, MAX_EVENT.saturating_sub(AROUND), &hint);
            cut.to_string()
        }
        None => text,
    }
}

fn is_job(record: &Value) -> bool {
    let kind = record.pointer("/payload/message_type").and_then(Value::as_str);
    matches!(kind, Some("command_dispatch" | "job_dispatch"))
}

/// Log messages below the session's level are not sent; they stay in the inbox of their client. A job for a Blender is no log
/// message, whatever the level.
fn is_wanted(notification: &Value, log_level: &str) -> bool {
    if notification.pointer("/params/data").is_some_and(is_job) {
        return true;
    }
    let params = notification.get("params");
    let text = |name: &str| params?.get(name)?.as_str();
    if text("logger") != Some(LOGGER) {
        return true;
    }
    let level = text("level").and_then(Priority::from_level).unwrap_or_default();
    Priority::from_level(log_level).is_none_or(|lowest| level.as_u8() <= lowest.as_u8())
}
