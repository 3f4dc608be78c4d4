//! Who wants to hear that a resource changed: sessions that subscribed, and streams of `subscriptions/listen`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::effect::Effect;
use crate::error::{Error, Rejection};
use crate::params;
use crate::record::notification;
use crate::registry;
use crate::streams;
use crate::tasks;
use crate::turn::Turn;

/// Resources one session may be subscribed to.
pub const MAX_OF_SESSION: i64 = 256;

/// A resource that changes by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    Clients,
    Stats,
    Job(String),
    /// Any job at all: one came into being or changed.
    Jobs,
    Inbox(String),
}

impl Topic {
    /// How the topic stands in a row.
    fn key(&self) -> String {
        match self {
            Self::Clients => "clients".to_owned(),
            Self::Stats => "stats".to_owned(),
            Self::Jobs => "jobs".to_owned(),
            Self::Job(job_id) => format!("job {job_id}"),
            Self::Inbox(client_uuid) => format!("inbox {client_uuid}"),
        }
    }
}

/// A resource as its subscriber named it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    pub topic: Topic,
    pub uri: String,
}

/// A stream of `subscriptions/listen`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listener {
    /// The id of the request, which every notification carries.
    pub subscription_id: Value,
    pub subscriptions: Vec<Subscription>,
    /// Tasks to hear of. Missing on sockets of an earlier build.
    #[serde(default)]
    pub task_ids: Vec<String>,
}

impl Listener {
    /// `_meta` of each of its notifications.
    pub fn meta(&self) -> Value {
        json!({"io.modelcontextprotocol/subscriptionId": self.subscription_id})
    }
}

/// A stream of `subscriptions/listen` has opened. It begins with its tasks as they are now: one may have ended before.
pub fn listen(turn: &mut Turn<'_>, socket_id: &str, listener: Listener) -> Result<(), Error> {
    for task_id in &listener.task_ids {
        tasks::notify(turn, socket_id, &listener, task_id)?;
    }
    turn.presence.listen(socket_id.to_owned(), listener);
    Ok(())
}

/// `resources/subscribe`. Idempotent.
///
/// # Errors
/// `Rejection::NoClient` for the inbox of a uuid that is not registered, `Rejection::Limit` at `MAX_OF_SESSION`.
pub fn subscribe(turn: &mut Turn<'_>, session_id: &str, subscription: &Subscription) -> Result<(), Error> {
    if let Topic::Inbox(uuid) = &subscription.topic
        && registry::find(turn, uuid)?.is_none()
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

/// A resource has changed: whoever asked hears of it.
pub fn changed(turn: &mut Turn<'_>, topic: &Topic) -> Result<(), Error> {
    for (socket_id, listener) in turn.presence.listeners() {
        for subscription in listener.subscriptions.iter().filter(|subscription| subscription.topic == *topic) {
            let params = json!({"_meta": listener.meta(), "uri": subscription.uri});
            let updated = notification("notifications/resources/updated", params);
            turn.effects.push(Effect::Send { socket_id: socket_id.clone(), frame: format!("\n{updated}") });
        }
    }
    let key = topic.key();
    if !turn.presence.is_subscribed(&key) {
        return Ok(());
    }
    let rows = turn.sql.query("SELECT session_id, uri FROM subscriptions WHERE topic = ?", params![key])?;
    for row in &rows {
        let updated = notification("notifications/resources/updated", json!({"uri": row.text(1)?}));
        streams::tell(turn, &row.text(0)?, &updated)?;
    }
    Ok(())
}

/// The registry has changed, and with it what counts its clients.
pub fn clients_changed(turn: &mut Turn<'_>) -> Result<(), Error> {
    changed(turn, &Topic::Clients)?;
    changed(turn, &Topic::Stats)
}

/// A job has changed; `counts` when one more or less is open.
pub fn job_changed(turn: &mut Turn<'_>, job_id: &str, counts: bool) -> Result<(), Error> {
    changed(turn, &Topic::Job(job_id.to_owned()))?;
    changed(turn, &Topic::Jobs)?;
    tasks::changed(turn, job_id)?;
    if counts { changed(turn, &Topic::Stats) } else { Ok(()) }
}
