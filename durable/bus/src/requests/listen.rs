//! Opening a stream of `subscriptions/listen`.

use crate::requests::tasks;
use crate::rows::subscriptions;
use crate::turn::Turn;
use crate::turn::change::Change;
use crate::turn::error::Error;
use crate::wire::topics::Listener;

/// A stream of `subscriptions/listen` has opened. It begins with its tasks as they are now: one may have ended before. What
/// its token does not reach is left out, as what does not exist.
pub fn listen(turn: &mut Turn<'_>, socket_id: &str, listener: Listener) -> Result<(), Error> {
    turn.bound.clone_from(&listener.bound);
    let mut reached = Vec::new();
    for subscription in listener.subscriptions {
        if subscriptions::is_reached(turn, &subscription.topic)? {
            reached.push(subscription);
        }
    }
    let listener = Listener { subscriptions: reached, ..listener };
    for task_id in &listener.task_ids {
        tasks::notify(turn, socket_id, &listener, task_id)?;
    }
    if listener.guest.is_some() {
        turn.changes.insert(Change::Clients); // the owner sees who watches
    }
    turn.presence.listen(socket_id.to_owned(), listener);
    Ok(())
}
