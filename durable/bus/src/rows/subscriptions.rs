//! Which resources each session is subscribed to.

use kernel::params;

use crate::rows::clients;
use crate::turn::Turn;
use crate::turn::error::{Error, Rejection};
use crate::wire::topics::{Subscription, Topic};

/// Resources one session may be subscribed to.
pub const MAX_OF_SESSION: i64 = 256;

/// `resources/subscribe`. Idempotent.
///
/// # Errors
/// `Rejection::NoClient` for the inbox of a uuid that is not registered, `Rejection::Limit` at `MAX_OF_SESSION`.
pub fn subscribe(turn: &mut Turn<'_>, session_id: &str, subscription: &Subscription) -> Result<(), Error> {
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
