//! The end of a bus: its user has deleted the account.
//!
//! A user id is never given out again, so an erased bus refuses every token, whoever sends it. It does so for as long as
//! any access token may live; then the object drops its database too.

use crate::bus::REVOKED_KEPT_MS;
use crate::cache::is_revoked;
use crate::effect::{Effect, close};
use crate::error::Error;
use crate::migrate::empty;
use crate::params;
use crate::timers;
use crate::turn::Turn;

/// In `revoked_grants` this stands for all of them; no grant has such an id.
pub const EVERY_GRANT: &str = "*";

/// Drops every row, closes every socket and has whoever waits look. Doing it twice is doing it once.
pub fn erase(turn: &mut Turn<'_>) -> Result<(), Error> {
    empty(turn.sql, &[])?;
    let until = turn.now_ms.saturating_add(REVOKED_KEPT_MS);
    turn.sql.query("INSERT INTO revoked_grants (grant_id, until) VALUES (?, ?)", params![EVERY_GRANT, until])?;
    turn.presence.clear();
    timers::ensure_retention(turn)?;
    turn.effects.push(Effect::CloseAll { code: close::UNAUTHORIZED, reason: "the account was deleted" });
    Ok(())
}

pub fn is_erased(turn: &mut Turn<'_>) -> Result<bool, Error> {
    is_revoked(turn, EVERY_GRANT)
}
