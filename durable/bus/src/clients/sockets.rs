//! Opening and closing of sockets.

use crate::clients::streams;
use crate::rows::revocations::is_revoked;
use crate::rows::sessions::{self, Session};
use crate::rows::timers::{self, Kind};
use crate::rows::{away, clients};
use crate::turn::Turn;
use crate::turn::change::Change;
use crate::turn::error::Error;
use crate::turn::limits::Limits;
use crate::wire::command::Reply;

/// Sockets that are open.
#[derive(Debug, Clone, Copy, Default)]
pub struct Open {
    pub all: usize,
    /// Those of the edge, which only listen.
    pub streams: usize,
    /// Of the grant that opens another, and of the same kind as that.
    pub alike_of_grant: usize,
}

/// Whether there is room for one more: a client's own, or a stream. A quarter of all is kept for clients' own sockets, and
/// a quarter of these for other grants, so that no token keeps Blenders out.
///
/// # Errors
/// The reason, for the client.
pub fn room(limits: &Limits, is_client: bool, open: Open) -> Result<(), String> {
    let all = limits.sockets;
    let quarter = all.div_euclid(4);
    if open.all >= all {
        return Err(format!("this user has {all} connections open, the most there may be"));
    }
    let most_streams = all.saturating_sub(quarter);
    if !is_client && open.streams >= most_streams {
        return Err(format!(
            "this user has {most_streams} streams open, the most there may be; the rest is for Blenders"
        ));
    }
    let of_grant = if is_client { all.saturating_sub(quarter) } else { quarter.max(1) };
    if open.alike_of_grant >= of_grant {
        let what = if is_client { "connections" } else { "streams" };
        return Err(format!("this login or token has {of_grant} {what} open, the most it may have"));
    }
    Ok(())
}

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
        Some(session_id) => Ok(sessions::find(turn, session_id, grant_id)?.map(Some).ok_or(Reply::NoSession)),
    }
}

/// A socket has closed.
pub fn socket_closed(turn: &mut Turn<'_>, socket_id: &str) -> Result<(), Error> {
    timers::clear(turn, Kind::SocketExpiry, socket_id)?;
    if turn.presence.listeners().any(|(listening, listener)| listening == socket_id && listener.guest.is_some()) {
        turn.changes.insert(Change::Clients);
    }
    if let Some(stream) = turn.presence.close_stream(socket_id) {
        return streams::closed(turn, &stream);
    }
    let Some(uuid) = turn.presence.bound_to(socket_id).map(str::to_owned) else { return Ok(()) };
    let acknowledges = turn.presence.get(&uuid).is_some_and(|attached| attached.acknowledges);
    if turn.presence.detach(&uuid, socket_id, turn.now_ms) {
        clients::note_left(turn, &uuid)?;
        away::note_left(turn, &uuid, acknowledges)?;
        turn.changes.insert(Change::Clients);
    }
    Ok(())
}
