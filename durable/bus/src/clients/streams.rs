//! Event streams of MCP sessions (revisions up to 2025-11-25): what goes out, and what goes out again.
//!
//! An event is a row before it is sent, and its place in the table is its event id, so that a client which lost its stream
//! names the last one it saw (`Last-Event-ID`) and gets what came after: nothing lost, nothing twice, in order.

use kernel::params;
use kernel::storage::Row;

use crate::clients::arrival;
use crate::delivery::post;
use crate::rows::{away, inbox, sessions, subscriptions};
use crate::turn::Turn;
use crate::turn::change::Change;
use crate::turn::effect::Effect;
use crate::turn::error::Error;
use crate::turn::presence::{Attached, Link, Stream};
use crate::wire::tools::RegisterClient;

/// How many kept events a stream gets at once. More follow once these have been read.
const MAX_EVENTS: i64 = 200;

/// How many bytes of kept events a stream gets at once.
const MAX_BYTES: i64 = 1024 * 1024;

/// The revision that begins a stream with an event that only has an id, so that it can be resumed from the start.
const PRIMED_SINCE: &str = "2025-11-25";

/// A stream opens. What its session has not been sent yet goes out, most of all what came after `last_event_id`.
pub fn open(
    turn: &mut Turn<'_>,
    socket_id: &str,
    session: &sessions::Session,
    last_event_id: Option<i64>,
) -> Result<(), Error> {
    let session_id = session.session_id.as_str();
    let (mut sent_seq, _) = sessions::place(turn, session_id)?;
    if let Some(other) = turn.presence.stream_of(session_id) {
        sent_seq = sent_seq.max(other.sent_seq);
    }
    if let Some(seen) = last_event_id {
        sent_seq = seen;
        for row in &clients_of(turn, session_id)? {
            inbox::received(turn, &row.text(0)?, seen)?;
        }
    }
    turn.presence.open_stream(Stream {
        socket_id: socket_id.to_owned(),
        session_id: session_id.to_owned(),
        sent_seq,
        is_behind: false,
    });
    if session.protocol_version.as_str() >= PRIMED_SINCE {
        turn.effects.push(Effect::Send { socket_id: socket_id.to_owned(), frame: post::frame(sent_seq, "") });
    }
    replay(turn, session_id, sent_seq)?;
    tell_pending(turn, session_id)?;
    attach_clients(turn, session_id)
}

/// Tells a session what has changed while it had no stream, each resource once.
fn tell_pending(turn: &mut Turn<'_>, session_id: &str) -> Result<(), Error> {
    let Some(socket_id) = turn.presence.stream_of(session_id).map(|stream| stream.socket_id.clone()) else {
        return Ok(());
    };
    for (topic, uri) in subscriptions::take_pending(turn, session_id)? {
        turn.presence.news.sent(&socket_id, topic, turn.now_ms);
        turn.effects.push(Effect::Send { socket_id: socket_id.clone(), frame: post::news(&uri) });
    }
    Ok(())
}

/// Sends what is kept after this place, as much as fits at once. If there is more, that follows when this has been read.
fn replay(turn: &mut Turn<'_>, session_id: &str, after: i64) -> Result<(), Error> {
    let of_session = "client_uuid IN (SELECT uuid FROM clients WHERE session_id = ?1) AND seq > ?2";
    let most = format!("SELECT seq, bytes FROM inbox WHERE {of_session} ORDER BY seq LIMIT ?3");
    // Read one more than is sent, to see whether there is more.
    let sizes = turn.sql.query(&most, params![session_id, after, MAX_EVENTS.saturating_add(1)])?;
    let at_once = sizes.get(..usize::try_from(MAX_EVENTS).unwrap_or(0)).unwrap_or(&sizes);
    let last = inbox::end_of_page(at_once, MAX_BYTES)?.unwrap_or(after);
    let newest = sizes.last().map_or(Ok(after), |row| row.integer(0))?;
    let statement = format!("SELECT seq, message FROM inbox WHERE {of_session} AND seq <= ?3 ORDER BY seq");
    for row in &turn.sql.query(&statement, params![session_id, after, last])? {
        post::send_event(turn, session_id, row.integer(0)?, &inbox::message(row, 1)?)?;
    }
    let Some(stream) = turn.presence.stream_of(session_id) else { return Ok(()) };
    let socket_id = stream.socket_id.clone();
    stream.is_behind = newest > last;
    if stream.is_behind {
        turn.effects.push(Effect::AskRead { socket_id: socket_id.clone() });
    }
    turn.effects.push(Effect::Note { socket_id });
    Ok(())
}

/// Whether more is kept for a session than went out on its stream. How much of that was read is no longer known.
fn find_out_what_follows(turn: &mut Turn<'_>, session_id: &str) -> Result<(), Error> {
    let Some(sent_seq) = turn.presence.stream_of(session_id).map(|stream| stream.sent_seq) else { return Ok(()) };
    let more = turn.sql.query(
        "SELECT 1 FROM inbox WHERE client_uuid IN (SELECT uuid FROM clients WHERE session_id = ?) AND seq > ? LIMIT 1",
        params![session_id, sent_seq],
    )?;
    if let Some(stream) = turn.presence.stream_of(session_id).filter(|_| !more.is_empty()) {
        stream.is_behind = true;
        let socket_id = stream.socket_id.clone();
        turn.effects.push(Effect::AskRead { socket_id });
    }
    Ok(())
}

/// What went out on a stream has been read: if more is kept for it, that follows.
pub fn read(turn: &mut Turn<'_>, socket_id: &str) -> Result<(), Error> {
    let Some(stream) = turn.presence.stream(socket_id).cloned() else { return Ok(()) };
    let newest = turn.presence.stream_of(&stream.session_id).is_some_and(|newest| newest.socket_id == socket_id);
    if newest && stream.is_behind { replay(turn, &stream.session_id, stream.sent_seq) } else { Ok(()) }
}

/// A session registered a client: if its stream is open, the client is there from now on.
pub fn bind(turn: &mut Turn<'_>, session_id: &str, call: &RegisterClient) -> Result<(), Error> {
    let Some(stream) = turn.presence.stream_of(session_id) else { return Ok(()) };
    let socket_id = stream.socket_id.clone();
    attach(turn, session_id, socket_id, &call.client_uuid, &call.client_type)
}

/// Every client that the session registered is reached by its newest stream.
pub fn attach_clients(turn: &mut Turn<'_>, session_id: &str) -> Result<(), Error> {
    let Some(stream) = turn.presence.stream_of(session_id) else { return Ok(()) };
    let socket_id = stream.socket_id.clone();
    for row in &clients_of(turn, session_id)? {
        attach(turn, session_id, socket_id.clone(), &row.text(0)?, &row.text(1)?)?;
    }
    Ok(())
}

fn clients_of(turn: &Turn<'_>, session_id: &str) -> Result<Vec<Row>, Error> {
    let statement = "SELECT uuid, client_type FROM clients WHERE session_id = ? ORDER BY uuid";
    Ok(turn.sql.query(statement, params![session_id])?)
}

fn attach(turn: &mut Turn<'_>, session_id: &str, socket_id: String, uuid: &str, kind: &str) -> Result<(), Error> {
    let attached = Attached {
        socket_id,
        link: Link::Stream { session_id: session_id.to_owned() },
        client_type: kind.to_owned(),
        acknowledges: false,
        since_ms: turn.now_ms,
        heard_ms: turn.now_ms,
        patience_ms: None,
    };
    turn.presence.attach(uuid.to_owned(), attached);
    turn.changes.insert(Change::Clients);
    arrival::hand_over(turn, uuid)
}

/// A stream has closed: its clients are reached by an older one of the session, if there is one, or have left.
pub fn closed(turn: &mut Turn<'_>, stream: &Stream) -> Result<(), Error> {
    sessions::note_sent(turn, &stream.session_id, stream.sent_seq)?;
    let unheard = turn.presence.news.unheard(&stream.socket_id, turn.now_ms);
    subscriptions::note_unheard(turn, &stream.session_id, &unheard)?;
    if let Some(other) = turn.presence.stream_of(&stream.session_id) {
        other.sent_seq = other.sent_seq.max(stream.sent_seq);
        let (sent_seq, is_behind) = (other.sent_seq, other.is_behind);
        if !is_behind {
            replay(turn, &stream.session_id, sent_seq)?;
        }
        tell_pending(turn, &stream.session_id)?;
        return attach_clients(turn, &stream.session_id);
    }
    for row in &clients_of(turn, &stream.session_id)? {
        let uuid = row.text(0)?;
        if turn.presence.detach(&uuid, &stream.socket_id, turn.now_ms) {
            away::note_left(turn, &uuid, false)?;
            turn.changes.insert(Change::Clients);
        }
    }
    Ok(())
}

/// The object woke with streams open: their clients are there.
pub fn wake(turn: &mut Turn<'_>) -> Result<(), Error> {
    let mut session_ids: Vec<String> = turn.presence.streams().iter().map(|stream| stream.session_id.clone()).collect();
    session_ids.dedup();
    for session_id in session_ids {
        find_out_what_follows(turn, &session_id)?;
        attach_clients(turn, &session_id)?;
    }
    subscriptions::wake(turn)
}
