//! The browsers that are told, a row each.

use kernel::ids::random_id;
use kernel::params;
use kernel::storage::Row;

use crate::push::pace::Kind;
use crate::rows::timers;
use crate::turn::Turn;
use crate::turn::error::{Error, Rejection};
use crate::wire::push::{Browser, Kinds, NewBrowser};

/// Browsers of one owner.
pub const MAX_BROWSERS: i64 = 10;

/// A browser that could not be reached for so long goes.
const FAILING_KEPT_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// A browser that nothing was sent to for so long goes.
const UNUSED_KEPT_MS: i64 = 180 * 24 * 60 * 60 * 1_000;

/// Every browser, the oldest first.
pub fn all(turn: &Turn<'_>) -> Result<Vec<Browser>, Error> {
    let rows = turn.sql.query(
        "SELECT browser_id, name, asks, ends, created_ms, reached_ms, failing_ms FROM push_browsers
         ORDER BY created_ms, browser_id",
        &[],
    )?;
    rows.iter().map(browser).collect()
}

fn browser(row: &Row) -> Result<Browser, Error> {
    Ok(Browser {
        browser_id: row.text(0)?,
        name: row.text(1)?,
        kinds: Kinds { asks: row.boolean(2)?, ends: row.boolean(3)? },
        created_ms: row.integer(4)?,
        reached_ms: row.optional_integer(5)?,
        failing_ms: row.optional_integer(6)?,
    })
}

/// Ids of the browsers that are told of this kind.
pub fn wanting(turn: &Turn<'_>, kind: Kind) -> Result<Vec<String>, Error> {
    let column = match kind {
        Kind::Asks => "asks",
        Kind::Ends => "ends",
        Kind::Test => return Ok(Vec::new()),
    };
    let rows = turn.sql.query(&format!("SELECT browser_id FROM push_browsers WHERE {column} = 1"), &[])?;
    rows.iter().map(|row| Ok(row.text(0)?)).collect()
}

/// Tells a browser from now on, or changes the one with the same endpoint. Returns its id.
///
/// # Errors
/// `Rejection::Limit` at `MAX_BROWSERS`.
pub fn add(turn: &mut Turn<'_>, new: &NewBrowser) -> Result<String, Error> {
    let same =
        turn.sql.query("SELECT browser_id FROM push_browsers WHERE endpoint = ?", params![new.endpoint.as_str()])?;
    let browser_id = match same.first() {
        Some(row) => row.text(0)?,
        None => {
            make_sure_of_room(turn)?;
            random_id::<16>("w-", turn.entropy)?
        }
    };
    turn.sql.query(
        "INSERT INTO push_browsers (browser_id, endpoint, p256dh, auth, name, site, asks, ends, created_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (browser_id) DO UPDATE SET p256dh = excluded.p256dh, auth = excluded.auth, name = excluded.name,
           site = excluded.site, asks = excluded.asks, ends = excluded.ends, failing_ms = NULL",
        params![
            browser_id.as_str(),
            new.endpoint.as_str(),
            new.p256dh.as_str(),
            new.auth.as_str(),
            new.name.as_str(),
            new.site.as_str(),
            i64::from(new.kinds.asks),
            i64::from(new.kinds.ends),
            turn.now_ms
        ],
    )?;
    Ok(browser_id)
}

fn make_sure_of_room(turn: &Turn<'_>) -> Result<(), Error> {
    let count = turn.sql.query("SELECT COUNT(*) FROM push_browsers", &[])?;
    if count.first().map_or(Ok(0), |row| row.integer(0))? >= MAX_BROWSERS {
        let (what, remedy) = ("browsers with notifications", "remove one first");
        return Err(Rejection::Limit { what, limit: MAX_BROWSERS, remedy }.into());
    }
    Ok(())
}

/// Of what a browser is told from now on. False if there is no such browser.
pub fn choose(turn: &mut Turn<'_>, browser_id: &str, kinds: Kinds) -> Result<bool, Error> {
    let changed = turn.sql.query(
        "UPDATE push_browsers SET asks = ?, ends = ? WHERE browser_id = ? RETURNING 1",
        params![i64::from(kinds.asks), i64::from(kinds.ends), browser_id],
    )?;
    Ok(!changed.is_empty())
}

/// Forgets a browser, and what was on its way to it.
pub fn remove(turn: &mut Turn<'_>, browser_id: &str) -> Result<bool, Error> {
    let messages =
        turn.sql.query("DELETE FROM push_messages WHERE browser_id = ? RETURNING push_id", params![browser_id])?;
    for row in &messages {
        timers::clear(turn, timers::Kind::Push, &row.text(0)?)?;
    }
    let gone = turn.sql.query("DELETE FROM push_browsers WHERE browser_id = ? RETURNING 1", params![browser_id])?;
    Ok(!gone.is_empty())
}

/// Forgets every browser but one. Says whether there were others.
pub fn remove_others(turn: &mut Turn<'_>, but: &str) -> Result<bool, Error> {
    let mut found = false;
    for browser in all(turn)?.into_iter().filter(|browser| browser.browser_id != but) {
        found |= remove(turn, &browser.browser_id)?;
    }
    Ok(found)
}

/// Whether there is such a browser.
pub fn is_known(turn: &Turn<'_>, browser_id: &str) -> Result<bool, Error> {
    let rows = turn.sql.query("SELECT 1 FROM push_browsers WHERE browser_id = ?", params![browser_id])?;
    Ok(!rows.is_empty())
}

/// Its push service has taken a message.
pub fn note_reached(turn: &Turn<'_>, browser_id: &str) -> Result<(), Error> {
    let changed = params![turn.now_ms, browser_id];
    turn.sql.query("UPDATE push_browsers SET reached_ms = ?, failing_ms = NULL WHERE browser_id = ?", changed)?;
    Ok(())
}

/// Its push service would not take a message.
pub fn note_failed(turn: &Turn<'_>, browser_id: &str) -> Result<(), Error> {
    let changed = params![turn.now_ms, browser_id];
    turn.sql.query("UPDATE push_browsers SET failing_ms = COALESCE(failing_ms, ?) WHERE browser_id = ?", changed)?;
    Ok(())
}

/// Forgets browsers that were not reached for long. No timer waits for it: it is done when there is other work.
pub fn prune(turn: &mut Turn<'_>) -> Result<(), Error> {
    let (failing, unused) = (turn.now_ms.saturating_sub(FAILING_KEPT_MS), turn.now_ms.saturating_sub(UNUSED_KEPT_MS));
    let over = turn.sql.query(
        "SELECT browser_id FROM push_browsers
         WHERE failing_ms <= ? OR COALESCE(reached_ms, created_ms) <= ?",
        params![failing, unused],
    )?;
    for row in &over {
        remove(turn, &row.text(0)?)?;
    }
    Ok(())
}
