//! Which resources each session is subscribed to, and of which it is still to be told.

use std::collections::BTreeSet;

use kernel::access::Bound;
use kernel::params;
use serde_json::json;

use crate::rows::{clients, jobs, reach};
use crate::turn::Turn;
use crate::turn::error::{Error, Rejection};
use crate::wire::topics::{Subscription, Topic};

/// Resources one session may be subscribed to.
pub const MAX_OF_SESSION: i64 = 256;

/// Whether the caller may hear of it: a bound token hears of inboxes and jobs of the clients that it reaches.
pub fn is_reached(turn: &Turn<'_>, topic: &Topic) -> Result<bool, Error> {
    match topic {
        _ if turn.bound.is_none() => Ok(true),
        Topic::Inbox(uuid) => reach::includes(turn, uuid),
        Topic::Job(job_id) => {
            Ok(jobs::reached(turn, job_id)?.is_some() || !jobs::reached_of_batch(turn, job_id)?.is_empty())
        }
        // The id of a file is a secret of those who see it, and no more is told than that it has changed.
        Topic::Clients | Topic::Stats | Topic::Jobs | Topic::Files | Topic::File(_) => Ok(true),
    }
}

/// `resources/subscribe`. Idempotent.
///
/// # Errors
/// `Rejection::NoClient` for the inbox of a uuid that is not registered, `Rejection::Limit` at `MAX_OF_SESSION`,
/// `Rejection::Beyond` for what the token is not bound to.
pub fn subscribe(turn: &mut Turn<'_>, session_id: &str, subscription: &Subscription) -> Result<(), Error> {
    if !is_reached(turn, &subscription.topic)? {
        let bound = turn.bound.as_ref().map(Bound::shown).unwrap_or_default();
        return Err(Rejection::Beyond { uuid: subscription.uri.clone(), bound }.into());
    }
    if let Topic::Inbox(uuid) = &subscription.topic
        && clients::find(turn, uuid)?.is_none()
    {
        return Err(Rejection::NoClient { uuid: uuid.clone() }.into());
    }
    let count = turn.sql.query("SELECT COUNT(*) FROM subscriptions WHERE session_id = ?", params![session_id])?;
    if count.first().map_or(Ok(0), |row| row.integer(0))? >= MAX_OF_SESSION {
        let remedy = "end some with resources/unsubscribe";
        return Err(Rejection::Limit { what: "subscriptions in this session", limit: MAX_OF_SESSION, remedy }.into());
    }
    let key = subscription.topic.key();
    turn.sql.query(
        "INSERT INTO subscriptions (session_id, topic, uri) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET uri = excluded.uri",
        params![session_id, key.as_str(), subscription.uri.as_str()],
    )?;
    turn.presence.subscribed(key);
    turn.presence.cache.unmark();
    Ok(())
}

/// `resources/unsubscribe`. Idempotent.
pub fn unsubscribe(turn: &mut Turn<'_>, session_id: &str, topic: &Topic) -> Result<(), Error> {
    let which = params![session_id, topic.key()];
    turn.sql.query("DELETE FROM subscriptions WHERE session_id = ? AND topic = ?", which)?;
    Ok(())
}

/// The object woke: what sessions are subscribed to is kept in memory, so that a change nobody asked for costs no row.
pub fn wake(turn: &mut Turn<'_>) -> Result<(), Error> {
    for row in turn.sql.query("SELECT DISTINCT topic FROM subscriptions", &[])? {
        turn.presence.subscribed(row.text(0)?);
    }
    Ok(())
}

/// A resource has changed. Sessions without a stream will be told of it by their next one. Says whether there is a session
/// with a stream that may have to be told now.
pub fn note_changed(turn: &mut Turn<'_>, topic: &Topic) -> Result<bool, Error> {
    let key = topic.key();
    if !turn.presence.is_subscribed(&key) {
        return Ok(false);
    }
    if !turn.presence.cache.is_marked(&key) {
        let listening = with_streams(turn);
        turn.sql.query(
            "UPDATE subscriptions SET pending = 1 WHERE topic = ? AND pending = 0
               AND session_id NOT IN (SELECT value FROM json_each(?))",
            params![key.as_str(), listening],
        )?;
        turn.presence.cache.mark(key);
    }
    Ok(!turn.presence.streams().is_empty())
}

/// Sessions with a stream that are subscribed to the topic, each with the resource as it named it.
pub fn listening(turn: &Turn<'_>, topic: &Topic) -> Result<Vec<(String, String)>, Error> {
    let key = topic.key();
    if turn.presence.streams().is_empty() || !turn.presence.is_subscribed(&key) {
        return Ok(Vec::new());
    }
    let rows = turn.sql.query(
        "SELECT session_id, uri FROM subscriptions
         WHERE topic = ? AND session_id IN (SELECT value FROM json_each(?)) ORDER BY session_id",
        params![key, with_streams(turn)],
    )?;
    rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
}

/// Sessions that have a stream, as a JSON array.
fn with_streams(turn: &Turn<'_>) -> String {
    let session_ids: BTreeSet<&str> = turn.presence.streams().iter().map(|stream| stream.session_id.as_str()).collect();
    json!(session_ids).to_string()
}

/// What a session is still to be told of: the keys of the topics, and the resources as it named them. From then on it
/// counts as told.
pub fn take_pending(turn: &mut Turn<'_>, session_id: &str) -> Result<Vec<(String, String)>, Error> {
    let rows = turn.sql.query(
        "UPDATE subscriptions SET pending = 0 WHERE session_id = ? AND pending = 1 RETURNING topic, uri",
        params![session_id],
    )?;
    let mut pending = rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect::<Result<Vec<_>, Error>>()?;
    pending.sort_unstable();
    Ok(pending)
}

/// A session has lost a stream, and may not have heard of topics with these keys.
pub fn note_unheard(turn: &mut Turn<'_>, session_id: &str, keys: &[String]) -> Result<(), Error> {
    turn.presence.cache.unmark();
    if keys.iter().any(|key| turn.presence.is_subscribed(key)) {
        turn.sql.query(
            "UPDATE subscriptions SET pending = 1 WHERE session_id = ? AND topic IN (SELECT value FROM json_each(?))",
            params![session_id, json!(keys).to_string()],
        )?;
    }
    Ok(())
}
