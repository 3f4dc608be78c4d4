//! What is done when the object's alarm goes off.

use kernel::params;

use crate::delivery::{endings, parts};
use crate::push::{browsers, news, outbox};
use crate::requests::guests;
use crate::rows::timers::{self, Kind};
use crate::rows::{clients, inbox, jobs, origins, revocations, sessions};
use crate::turn::Turn;
use crate::turn::effect::{Effect, close};
use crate::turn::error::Error;

/// The user of this bus, for an alarm, which no request precedes. None when there are no jobs.
pub fn owner(turn: &Turn<'_>) -> Result<Option<String>, Error> {
    let rows = turn.sql.query("SELECT json_extract(record, '$.user_id') FROM jobs ORDER BY seq LIMIT 1", &[])?;
    Ok(rows.first().map(|row| row.text(0)).transpose()?)
}

/// The alarm went off: does what is due, and sets the next one.
pub fn alarm(turn: &mut Turn<'_>) -> Result<(), Error> {
    for (kind, subject) in timers::take_due(turn)? {
        match kind {
            Kind::Retention => retain(turn)?,
            Kind::Lost => endings::lose(turn, &subject)?,
            Kind::Unanswered => {
                if let Some((left_ms, uuid)) = subject.split_once(' ') {
                    endings::lose_unanswered(turn, uuid, left_ms.parse().unwrap_or(0))?;
                }
            }
            Kind::Untaken => endings::lose_untaken(turn, &subject)?,
            Kind::Consent => guests::give_up(turn, &subject)?,
            Kind::PartsAway => parts::give_away(turn, &subject)?,
            Kind::Push => outbox::send(turn, &subject)?,
            Kind::PushRest => news::tell_rest(turn, &subject)?,
            Kind::SocketExpiry => {
                let reason = "the access token expired";
                turn.effects.push(Effect::Close { socket_id: subject, code: close::UNAUTHORIZED, reason });
            }
        }
    }
    if let Some(due_ms) = timers::next_due(turn)? {
        turn.effects.push(Effect::Arm { due_ms });
    }
    Ok(())
}

/// Deletes what has been kept long enough, and sets the timer again if anything is left.
fn retain(turn: &mut Turn<'_>) -> Result<(), Error> {
    let was_erased = revocations::is_erased(turn)?;
    endings::lose_expired_of_all(turn)?;
    if jobs::forget_old(turn)? {
        timers::hasten_retention(turn)?;
    }
    inbox::forget_old(turn)?;
    origins::forget_old(turn)?;
    sessions::forget_idle(turn)?;
    clients::forget_idle(turn)?;
    browsers::prune(turn)?;
    turn.sql.query("DELETE FROM revoked_grants WHERE until < ?", params![turn.now_ms])?;
    turn.presence.cache.forget_revoked();
    if was_erased && !revocations::is_erased(turn)? {
        turn.effects.push(Effect::Vanish);
        return Ok(());
    }
    let left = turn.sql.query(
        "SELECT EXISTS (SELECT 1 FROM jobs) OR EXISTS (SELECT 1 FROM inbox) OR EXISTS (SELECT 1 FROM sessions)
           OR EXISTS (SELECT 1 FROM clients WHERE is_persistent = 0) OR EXISTS (SELECT 1 FROM revoked_grants) OR EXISTS (SELECT 1 FROM origins)",
        &[],
    )?;
    if left.first().map_or(Ok(false), |row| row.boolean(0))? {
        timers::ensure_retention(turn)?;
    }
    Ok(())
}
