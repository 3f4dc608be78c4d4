//! What a client gets when it attaches, before anything else.

use crate::delivery::{endings, lifecycle};
use crate::turn::Turn;
use crate::turn::error::Error;

/// Hands a peer its jobs. Those that nobody waits for any more are lost first, so that no old code runs by surprise.
pub fn hand_over(turn: &mut Turn<'_>, client_uuid: &str) -> Result<(), Error> {
    endings::lose_expired(turn, client_uuid)?;
    lifecycle::hand_over(turn, client_uuid)
}
