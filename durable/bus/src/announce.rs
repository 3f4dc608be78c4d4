//! Announces changes once, at the end of a turn: to sessions that subscribed, to streams of `subscriptions/listen`, and
//! to streams that follow tasks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::delivery::post;
use crate::requests::tasks;
use crate::rows::subscriptions;
use crate::turn::Turn;
use crate::turn::change::Change;
use crate::turn::effect::Effect;
use crate::turn::error::Error;
use crate::wire::record::notification;
use crate::wire::topics::{Listener, Topic};

/// Tells the changes of this turn, and those of earlier ones that are due. What changes very often is told a few times a
/// second; while nobody listens, nothing is done at all.
pub fn settle(turn: &mut Turn<'_>) -> Result<(), Error> {
    let changes = core::mem::take(&mut turn.changes);
    let topics: BTreeSet<Topic> = changes.iter().flat_map(topics).collect();
    for topic in &topics {
        if subscriptions::note_changed(turn, topic)? || turn.presence.is_listened_to(topic) {
            turn.presence.news.note(topic, turn.now_ms);
        }
    }
    for change in &changes {
        if let Change::Job { job_id } = change {
            tell_tasks(turn, job_id)?;
        }
    }
    for topic in turn.presence.news.take_due(turn.now_ms) {
        tell_listeners(turn, &topic);
        tell_sessions(turn, &topic)?;
    }
    if let Some(due_ms) = turn.presence.news.next_due() {
        turn.effects.push(Effect::Tell { due_ms });
    }
    Ok(())
}

fn topics(change: &Change) -> Vec<Topic> {
    match change {
        Change::Clients => vec![Topic::Clients, Topic::Stats],
        Change::OpenJobs => vec![Topic::Stats],
        Change::Job { job_id } => vec![Topic::Job(job_id.clone()), Topic::Jobs],
        Change::File { file_id } => vec![Topic::File(file_id.clone()), Topic::Files],
        Change::Inbox { client_uuid } => vec![Topic::Inbox(client_uuid.clone())],
    }
}

fn tell_listeners(turn: &mut Turn<'_>, topic: &Topic) {
    for (socket_id, listener) in turn.presence.listeners() {
        for subscription in listener.subscriptions.iter().filter(|subscription| subscription.topic == *topic) {
            let params = json!({"_meta": listener.meta(), "uri": subscription.uri});
            let updated = notification("notifications/resources/updated", params);
            turn.effects.push(Effect::Send { socket_id: socket_id.clone(), frame: format!("\n{updated}") });
        }
    }
}

/// Sessions that have a stream. Any other is told when it opens one.
fn tell_sessions(turn: &mut Turn<'_>, topic: &Topic) -> Result<(), Error> {
    let mut frames = BTreeMap::new();
    for (session_id, uri) in subscriptions::listening(turn, topic)? {
        let frame: &String = frames.entry(uri).or_insert_with_key(|uri| post::news(uri));
        if let Some(socket_id) = turn.presence.stream_of(&session_id).map(|stream| stream.socket_id.clone()) {
            turn.presence.news.sent(&socket_id, topic.key(), turn.now_ms);
            turn.effects.push(Effect::Send { socket_id, frame: frame.clone() });
        }
    }
    Ok(())
}

/// Streams that listen to the job as a task, or to the batch it is part of.
fn tell_tasks(turn: &mut Turn<'_>, job_id: &str) -> Result<(), Error> {
    let listening: Vec<(String, Listener)> =
        turn.presence.listeners().filter(|(_, listener)| !listener.task_ids.is_empty()).cloned().collect();
    for (socket_id, listener) in &listening {
        for task_id in &listener.task_ids {
            if task_id == job_id || tasks::is_member(turn, task_id, job_id)? {
                tasks::notify(turn, socket_id, listener, task_id)?;
            }
        }
    }
    Ok(())
}
