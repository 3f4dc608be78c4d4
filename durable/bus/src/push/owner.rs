//! What the owner asks about their browsers.

use crate::push::pace::{self, Kind};
use crate::push::{browsers, outbox, words};
use crate::turn::Turn;
use crate::turn::error::{Error, Rejection};
use crate::wire::push::{Answered, Asked};

/// Does what the owner asks.
///
/// # Errors
/// `Rejection::Limit` for one browser too many, and for tests too often.
pub fn perform(turn: &mut Turn<'_>, asked: &Asked) -> Result<Answered, Error> {
    browsers::prune(turn)?;
    let found = match asked {
        Asked::List => return Ok(Answered::Browsers { browsers: browsers::all(turn)? }),
        Asked::Add { browser } => return Ok(Answered::Added { browser_id: browsers::add(turn, browser)? }),
        Asked::Choose { browser_id, kinds } => browsers::choose(turn, browser_id, *kinds)?,
        Asked::Remove { browser_id } => browsers::remove(turn, browser_id)?,
        Asked::RemoveOthers { but } => browsers::remove_others(turn, but.as_deref().unwrap_or_default())?,
        Asked::Test { browser_id } => test(turn, browser_id)?,
    };
    Ok(Answered::Found { found })
}

fn test(turn: &mut Turn<'_>, browser_id: &str) -> Result<bool, Error> {
    if !browsers::is_known(turn, browser_id)? {
        return Ok(false);
    }
    if !pace::has_room(turn, Kind::Test)? {
        let (what, remedy) = ("test notifications in this minute", "wait a minute, then try again");
        return Err(Rejection::Limit { what, limit: pace::A_MINUTE, remedy }.into());
    }
    outbox::put(turn, browser_id, &words::test())?;
    Ok(true)
}
