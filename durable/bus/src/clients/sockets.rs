//! Opening and closing of sockets.

use crate::clients::streams;
use crate::rows::revocations::is_revoked;
use crate::rows::sessions::{self, Session};
use crate::rows::timers::{self, Kind};
use crate::rows::{clients, jobs};
use crate::turn::Turn;
use crate::turn::change::Change;
use crate::turn::error::Error;
use crate::wire::command::Reply;

/// Whether a socket may open: a client's own, or the stream of a session, which must be open.
pub fn admit(
    turn: &mut Turn<'_>,
    grant_id: &str,
    session_id: Option<&str>,
) -> Result<Result<Option<Session>, Reply>, Error> {
    if is_revoked(turn, grant_id)? {
        return Ok(Err(Reply::Revoked));
    }
    match session_id {
        None => Ok(Ok(None)),
        Some(session_id) => Ok(sessions::find(turn, session_id)?.map(Some).ok_or(Reply::NoSession)),
    }
}

/// A socket has closed.
pub fn socket_closed(turn: &mut Turn<'_>, socket_id: &str) -> Result<(), Error> {
    timers::clear(turn, Kind::SocketExpiry, socket_id)?;
    if let Some(stream) = turn.presence.close_stream(socket_id) {
        return streams::closed(turn, &stream);
    }
    let Some(uuid) = turn.presence.bound_to(socket_id).map(str::to_owned) else { return Ok(()) };
    let acknowledges = turn.presence.get(&uuid).is_some_and(|attached| attached.acknowledges);
    if turn.presence.detach(&uuid, socket_id, turn.now_ms) {
        clients::note_left(turn, &uuid)?;
        jobs::note_left(turn, &uuid, acknowledges)?;
        turn.changes.insert(Change::Clients);
    }
    Ok(())
}
