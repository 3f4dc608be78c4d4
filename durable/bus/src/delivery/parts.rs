//! A range of frames that a group renders: its parts, and the member that gets a part which another did not end.

use kernel::{ids, params};
use serde_json::Value;

use crate::delivery::lifecycle;
use crate::rows::away::PART_AWAY_MS;
use crate::rows::jobs;
use crate::rows::timers::{self, Kind};
use crate::turn::Turn;
use crate::turn::error::{Error, Rejection};
use crate::turn::job::{Job, MAX_PART, NewJob, Part, State, TRIES, is_open};
use crate::turn::sender::Sender;
use crate::wire::priority::Priority;
use crate::wire::record::Routing;
use crate::wire::views::BLENDER;

/// The command whose frames a group shares.
const RENDER: &str = "render";

/// The first and the last frame that a group shares; none for a command that each member runs by itself.
///
/// # Errors
/// `Rejection::NoFirstFrame`, `Rejection::LastFrame`.
pub fn range(command: &str, params: &Value) -> Result<Option<(i64, i64)>, Rejection> {
    let number = |name: &str| params.get(name).and_then(Value::as_i64);
    let (RENDER, Some(last)) = (command, number("frame_end")) else { return Ok(None) };
    let first = number("frame").ok_or(Rejection::NoFirstFrame)?;
    if last < first { Err(Rejection::LastFrame { first, last }) } else { Ok(Some((first, last))) }
}

/// Splits a range into one part for each member, or for as many as there are frames. The parts follow each other, and their
/// lengths differ by one at most.
///
/// # Errors
/// `Rejection::TooManyFrames`.
pub fn split((first, last): (i64, i64), members: usize, group: &str) -> Result<Vec<Part>, Rejection> {
    let frames = last.saturating_sub(first).saturating_add(1);
    let count = i64::try_from(members).unwrap_or(i64::MAX).min(frames).max(1);
    let (length, longer) = (frames.div_euclid(count), frames.rem_euclid(count));
    let most = count.saturating_mul(MAX_PART);
    if frames > most {
        let most = first.saturating_add(most).saturating_sub(1);
        return Err(Rejection::TooManyFrames { most, limit: MAX_PART, group: group.to_owned(), members });
    }
    let mut frame = first;
    Ok((0..count)
        .map(|number| {
            let after = frame.saturating_add(length).saturating_add(i64::from(number < longer));
            let part = Part { frame, frame_end: after.saturating_sub(1), tries_left: TRIES.saturating_sub(1) };
            frame = after;
            part
        })
        .collect())
}

/// The params of a render of one part.
pub fn params_of(params: &Value, part: Part) -> Value {
    let mut params = params.clone();
    if let Some(fields) = params.as_object_mut() {
        fields.insert("frame".to_owned(), Value::from(part.frame));
        fields.insert("frame_end".to_owned(), Value::from(part.frame_end));
    }
    params
}

/// The member of a group has stayed away: others render what it was rendering. What nobody can take yet waits on.
pub fn give_away(turn: &mut Turn<'_>, client_uuid: &str) -> Result<(), Error> {
    if turn.presence.get(client_uuid).is_some() {
        return Ok(());
    }
    let patient_until = turn.presence.left_ms(client_uuid).unwrap_or(0).saturating_add(PART_AWAY_MS);
    if turn.now_ms < patient_until {
        return timers::ensure(turn, Kind::PartsAway, client_uuid, patient_until); // it was back in between
    }
    let mut waits = false;
    for job in jobs::open_of(turn, client_uuid)? {
        if !may_go_on(&job) {
            continue;
        }
        if next_member(turn, &job)?.is_none() {
            waits = true;
            continue;
        }
        lifecycle::finish(turn, &job, State::Lost, "", &format!("{client_uuid} has left"))?;
        give_on(turn, &job)?;
    }
    if waits {
        timers::ensure(turn, Kind::PartsAway, client_uuid, turn.now_ms.saturating_add(PART_AWAY_MS))?;
    }
    Ok(())
}

/// Gives the part of a lost job to a member that is connected: one that has not tried it, if there is one, and has little
/// to do. It may be the same Blender, started again, whose jobs are about to be handed over.
pub fn give_on(turn: &mut Turn<'_>, job: &Job) -> Result<(), Error> {
    match next_member(turn, job)? {
        Some(member) if may_go_on(job) => pass(turn, job, &member.uuid),
        _ => Ok(()),
    }
}

/// Gives the part of a job that its Blender has failed, or has given up unasked, to a member that has not tried it.
/// `job`: as it was before.
pub fn give_on_failed(turn: &mut Turn<'_>, job: &Job) -> Result<(), Error> {
    match next_member(turn, job)?.filter(|member| !member.has_tried) {
        Some(member) if may_go_on(job) => pass(turn, job, &member.uuid),
        _ => Ok(()),
    }
}

/// The jobs of a batch that count, in order of their frames: of a part that several members have tried, the last.
/// `jobs`: all of them, in order of arrival.
pub fn current(jobs: &[Job]) -> Vec<&Job> {
    let mut counting: Vec<&Job> = Vec::new();
    for job in jobs {
        let same = |other: &&mut &Job| {
            job.part.is_some() && other.part.map(|part| part.frame) == job.part.map(|part| part.frame)
        };
        match counting.iter_mut().find(same) {
            Some(earlier) => *earlier = job,
            None => counting.push(job),
        }
    }
    counting.sort_by_key(|job| job.part.map(|part| part.frame));
    counting
}

/// The job was open, so that nobody has been given its part yet.
fn may_go_on(job: &Job) -> bool {
    job.state.is_open() && job.part.is_some_and(|part| part.tries_left > 0)
}

struct Member {
    uuid: String,
    has_tried: bool,
}

/// The connected member of the job's group that is to try its part next.
fn next_member(turn: &Turn<'_>, job: &Job) -> Result<Option<Member>, Error> {
    let (Some(part), Some((record, _))) = (job.part, jobs::sent(turn, &job.job_id)?) else { return Ok(None) };
    let Routing::Group { group_id } = record.routing else { return Ok(None) };
    let rows = turn.sql.query(
        concat!(
            "SELECT uuid, EXISTS (SELECT 1 FROM jobs WHERE batch_id = ? AND frame = ? AND target_uuid = uuid) AS tried
             FROM clients WHERE group_id = ? AND client_type = ?
             ORDER BY tried, (SELECT COUNT(*) FROM jobs WHERE target_uuid = uuid AND ",
            is_open!(),
            "), uuid"
        ),
        params![job.batch_id.clone(), part.frame, group_id, BLENDER],
    )?;
    for row in &rows {
        let uuid = row.text(0)?;
        if turn.presence.get(&uuid).is_some() {
            return Ok(Some(Member { uuid, has_tried: row.boolean(1)? }));
        }
    }
    Ok(None)
}

/// Makes a job of the same part for another member, in the name of whoever sent the first.
fn pass(turn: &mut Turn<'_>, job: &Job, target_uuid: &str) -> Result<(), Error> {
    let (Some(part), Some((record, sender))) = (job.part, jobs::sent(turn, &job.job_id)?) else { return Ok(()) };
    let params = record.payload.get("params").cloned().unwrap_or_default();
    let job_id = ids::job_id(turn.entropy)?;
    let next = NewJob {
        payload: lifecycle::command_payload(&job_id, &job.command, params),
        job_id,
        command: &job.command,
        from_uuid: job.from_uuid.clone(),
        target_uuid,
        routing: record.routing,
        priority: Priority::default(),
        batch_id: job.batch_id.as_deref(),
        idempotency_key: None,
        expires_ms: None,
        part: Some(Part { tries_left: part.tries_left.saturating_sub(1), ..part }),
    };
    let own = core::mem::replace(&mut turn.sender, sender.map(Sender::kept));
    let traceparent = core::mem::replace(&mut turn.trace.traceparent, job.traceparent.clone());
    let made = lifecycle::enqueue(turn, next);
    (turn.sender, turn.trace.traceparent) = (own, traceparent);
    made?;
    if job.target_uuid.as_deref() == Some(target_uuid) { Ok(()) } else { lifecycle::refill(turn, target_uuid) }
}
