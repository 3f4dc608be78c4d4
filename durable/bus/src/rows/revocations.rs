//! Which tokens the bus refuses: those of revoked grants, and all of them once the account is deleted.
//!
//! A user id is never reused, so an erased bus refuses every token. It does so for as long as any access token can be
//! valid; then the object deletes its database.

use std::collections::BTreeSet;

use kernel::migrate::empty;
use kernel::params;

use crate::rows::{owners, sessions, timers};
use crate::turn::Turn;
use crate::turn::effect::{Effect, close};
use crate::turn::error::Error;

/// Whether the tokens of this grant are refused.
pub fn is_revoked(turn: &mut Turn<'_>, grant_id: &str) -> Result<bool, Error> {
    let among = |revoked: &BTreeSet<String>| revoked.contains(grant_id) || revoked.contains(EVERY_GRANT);
    if let Some(revoked) = turn.presence.cache.revoked() {
        return Ok(among(revoked));
    }
    let rows = turn.sql.query("SELECT grant_id FROM revoked_grants", &[])?;
    let revoked = rows.iter().map(|row| row.text(0)).collect::<Result<BTreeSet<_>, _>>()?;
    let refused = among(&revoked);
    turn.presence.cache.note_revoked(revoked);
    Ok(refused)
}

/// In `revoked_grants` this id stands for every grant. No grant has it.
pub const EVERY_GRANT: &str = "*";

/// Deletes every row, closes every socket and wakes all waiting requests. Idempotent.
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

/// How long a revoked grant is remembered: longer than any access token lives.
pub const REVOKED_KEPT_MS: i64 = 25 * 60 * 60 * 1_000;

pub fn revoke(turn: &mut Turn<'_>, grant_id: &str) -> Result<(), Error> {
    let until = turn.now_ms.saturating_add(REVOKED_KEPT_MS);
    turn.sql.query(
        "INSERT INTO revoked_grants (grant_id, until) VALUES (?, ?)
         ON CONFLICT (grant_id) DO UPDATE SET until = excluded.until",
        params![grant_id, until],
    )?;
    turn.presence.cache.forget_revoked();
    timers::ensure_retention(turn)?;
    sessions::close_of_grant(turn, grant_id)?;
    owners::release_of_grant(turn, grant_id)?;
    turn.effects.push(Effect::CloseGrant {
        grant_id: grant_id.to_owned(),
        code: close::UNAUTHORIZED,
        reason: "access was revoked",
    });
    Ok(())
}
