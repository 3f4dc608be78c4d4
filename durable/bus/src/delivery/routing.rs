//! Who a message is for: `target_uuid` before `group_id` before `client_type` before everyone.

use kernel::params;

use crate::rows::{clients, jobs, reach};
use crate::turn::Turn;
use crate::turn::error::{Error, Rejection};
use crate::wire::envelope::{Envelope, Status};
use crate::wire::record::Routing;
use crate::wire::tool_parameters::LATEST;
use crate::wire::tools::SendMessage;

/// Whether this many messages may be sent and kept now.
///
/// # Errors
/// `Rejection::TooFast` and `Rejection::Full`.
pub fn admit(turn: &mut Turn<'_>, messages: usize) -> Result<(), Error> {
    if turn.presence.meter.wants_size(turn.now_ms) {
        let size = turn.sql.size()?;
        turn.presence.meter.note_size(size, turn.now_ms);
    }
    Ok(turn.presence.meter.admit(&turn.presence.limits, messages, turn.now_ms)?)
}

/// The peer a dispatch goes to, or the envelope that says why there is none.
///
/// # Errors
/// `Rejection::Beyond` for one that the caller does not reach.
pub fn pick_peer(turn: &Turn<'_>, command: &str, wanted: Option<&str>) -> Result<Result<String, Envelope>, Error> {
    match wanted {
        Some(uuid) if uuid != LATEST => named_peer(turn, command, uuid),
        _ => only_or_latest_peer(turn, command, wanted.is_some()),
    }
}

/// Looks at no other: there may be hundreds.
fn named_peer(turn: &Turn<'_>, command: &str, uuid: &str) -> Result<Result<String, Envelope>, Error> {
    reach::check(turn, uuid)?;
    if turn.presence.get(uuid).is_some() || clients::find(turn, uuid)?.is_some() {
        return Ok(Ok(uuid.to_owned()));
    }
    Ok(Err(Envelope::new(Status::UnknownTarget, command).candidates(known_blenders(turn)?).hint(
        "No client with this target_uuid is registered. Use one of the candidates, or leave target_uuid out \
               to reach the only connected Blender.",
    )))
}

fn only_or_latest_peer(turn: &Turn<'_>, command: &str, latest: bool) -> Result<Result<String, Envelope>, Error> {
    let mut reached = Vec::new();
    for uuid in turn.presence.blenders() {
        if reach::includes(turn, uuid)? {
            reached.push(uuid.clone());
        }
    }
    Ok(match reached.as_slice() {
        [] => Err(no_client(command)),
        [newest, ..] if latest => Ok(newest.clone()),
        [only] => Ok(only.clone()),
        _ => Err(Envelope::new(Status::AmbiguousTarget, command).candidates(reached).hint(
            "Several Blenders are connected. Call again with target_uuid set to one of the candidates, or to \
               \"latest\" for the one that connected last.",
        )),
    })
}

/// # Errors
/// `Rejection::Limit` when this many more jobs would be more than may be open.
pub fn has_room(turn: &mut Turn<'_>, jobs: usize) -> Result<(), Error> {
    let more = i64::try_from(jobs).unwrap_or(i64::MAX);
    let limit = turn.presence.limits.open_jobs;
    if jobs::open_jobs(turn)?.saturating_add(more) <= limit {
        return Ok(());
    }
    let remedy = "wait until some of them have ended, or cancel some with blender_job_cancel";
    Err(Rejection::Limit { what: "open jobs", limit, remedy }.into())
}

fn no_client(command: &str) -> Envelope {
    Envelope::new(Status::NoClient, command).hint(
        "No Blender is connected. Open Blender, enable the Blender Bus add-on, and in the sidebar (N), tab Bus: Login, \
         then Connect. Then call again.",
    )
}

fn known_blenders(turn: &Turn<'_>) -> Result<Vec<String>, Error> {
    let (reached, parameter) = reach::condition(turn, "uuid");
    let statement =
        format!("SELECT uuid FROM clients WHERE client_type = 'blender' AND {reached} ORDER BY uuid LIMIT 100");
    let rows = turn.sql.query(&statement, parameter.as_slice())?;
    rows.iter().map(|row| Ok(row.text(0)?)).collect()
}

/// Where a message goes; none when its `target_uuid` is no registered client. To a group, a type or everyone, it goes to those
/// that the caller reaches.
///
/// # Errors
/// `Rejection::Beyond` for a `target_uuid` that the caller does not reach.
pub fn recipients(turn: &Turn<'_>, call: &SendMessage, sender: &str) -> Result<Option<(Routing, Vec<String>)>, Error> {
    if let Some(uuid) = &call.target_uuid {
        reach::check(turn, uuid)?;
    }
    let (reached, parameter) = reach::condition(turn, "uuid");
    let select = |condition: &str, value: &str| -> Result<Vec<String>, Error> {
        let statement = format!("SELECT uuid FROM clients WHERE {condition} AND {reached} ORDER BY uuid");
        let parameters: Vec<_> = params![value].iter().chain(&parameter).cloned().collect();
        let rows = turn.sql.query(&statement, &parameters)?;
        rows.iter().map(|row| Ok(row.text(0)?)).collect()
    };
    Ok(match (&call.target_uuid, &call.group_id, &call.client_type) {
        (Some(uuid), _, _) => {
            let target = select("uuid = ?", uuid)?;
            (!target.is_empty()).then(|| (Routing::Direct { target_uuid: uuid.clone() }, target))
        }
        (None, Some(group), _) => Some((Routing::Group { group_id: group.clone() }, select("group_id = ?", group)?)),
        (None, None, Some(kind)) => {
            Some((Routing::TypeFilter { client_type: kind.clone() }, select("client_type = ?", kind)?))
        }
        (None, None, None) => Some((Routing::Broadcast, select("uuid <> ?", sender)?)),
    })
}
