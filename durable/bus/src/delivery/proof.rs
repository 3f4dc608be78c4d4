//! Proof that records have arrived. What was sent over a client's own socket stays in its inbox until then, because a
//! half-open socket accepts everything and delivers nothing.
//!
//! A client with the capability `record_ack` confirms what it has received. For any other client, a later frame or
//! `ping` over the same socket is proof. After a close without proof the records are sent again.

use kernel::storage::MAX_INTEGER;

use crate::rows::{clients, inbox};
use crate::turn::Turn;
use crate::turn::error::Error;
use crate::wire::views::RECORD_ACK;

/// A frame came over the client's socket.
pub fn heard(turn: &mut Turn<'_>, client_uuid: &str) -> Result<(), Error> {
    if inbox::kept(turn, client_uuid)?.count == 0 || clients::is_capable(turn, client_uuid, RECORD_ACK)? {
        return Ok(());
    }
    inbox::forget(turn, client_uuid)
}

/// The platform answered the last `ping` of this socket then. Unix milliseconds.
pub fn pinged(turn: &mut Turn<'_>, socket_id: &str, at_ms: i64) -> Result<(), Error> {
    let Some(uuid) = turn.presence.bound_to(socket_id).map(str::to_owned) else { return Ok(()) };
    // Records older than the socket were sent over it when it registered.
    let is_later = turn.presence.get(&uuid).is_some_and(|attached| attached.since_ms < at_ms);
    if !is_later || clients::is_capable(turn, &uuid, RECORD_ACK)? {
        return Ok(());
    }
    inbox::forget_older(turn, &uuid, at_ms)
}

/// `notifications/received`: the client has all records up to this place. False if `place` is malformed.
pub fn confirmed(turn: &mut Turn<'_>, client_uuid: &str, place: &str) -> Result<bool, Error> {
    let Some(place) = place.parse().ok().filter(|place| (0..=MAX_INTEGER).contains(place)) else { return Ok(false) };
    inbox::received(turn, client_uuid, place)?;
    Ok(true)
}
