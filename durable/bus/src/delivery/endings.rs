//! Jobs whose end nobody reports: their Blender has gone, has forgotten them, or never took them. They end as `lost`, and
//! whoever sent them hears of it. A late answer still counts.

use kernel::params;

use crate::delivery::{lifecycle, parts, window};
use crate::rows::jobs;
use crate::turn::Turn;
use crate::turn::error::Error;
use crate::turn::job::{Job, State, is_open};

/// The open jobs of a client that stayed away for an hour.
pub fn lose(turn: &mut Turn<'_>, client_uuid: &str) -> Result<(), Error> {
    if turn.presence.get(client_uuid).is_some() {
        return Ok(());
    }
    let error = format!("{client_uuid} has been away for an hour without an answer");
    lose_all(turn, jobs::open_of(turn, client_uuid)?, &error)
}

/// What a peer without `job_ack` was running when it left at this time. It cannot be sent again, and nothing says whether
/// the peer still has it.
pub fn lose_unanswered(turn: &mut Turn<'_>, client_uuid: &str, left_ms: i64) -> Result<(), Error> {
    let began_before = |job: &Job| job.state == State::Running && job.updated_ms.unwrap_or(job.created_ms) <= left_ms;
    let unanswered = jobs::open_of(turn, client_uuid)?.into_iter().filter(began_before).collect();
    lose_all(turn, unanswered, &format!("{client_uuid} left before it answered"))
}

/// What a peer had taken and no longer has: it has told which jobs it still has, or that it is another process. It is about to
/// be handed what waits for it.
pub fn lose_forgotten(turn: &mut Turn<'_>, client_uuid: &str, still_has: &[String]) -> Result<(), Error> {
    let is_forgotten = |job: &Job| job.state == State::Running && !still_has.contains(&job.job_id);
    let forgotten: Vec<Job> = jobs::open_of(turn, client_uuid)?.into_iter().filter(is_forgotten).collect();
    let error = format!("{client_uuid} has restarted and no longer has this job");
    for job in forgotten {
        lifecycle::finish(turn, &job, State::Lost, "", &error)?;
        parts::give_on(turn, &job)?;
    }
    Ok(())
}

/// Jobs of a client that it has not taken and nobody waits for any more, so that no old code runs by surprise. It is about to
/// be handed what waits for it.
pub fn lose_expired(turn: &mut Turn<'_>, client_uuid: &str) -> Result<(), Error> {
    for job_id in jobs::expired_of(turn, client_uuid)? {
        finish_untaken(turn, &job_id)?;
    }
    Ok(())
}

/// A job that no Blender has taken in time.
pub fn lose_untaken(turn: &mut Turn<'_>, job_id: &str) -> Result<(), Error> {
    match finish_untaken(turn, job_id)? {
        Some(target) => lifecycle::refill(turn, &target),
        None => Ok(()),
    }
}

/// Loses a job that its Blender has not taken. Returns that Blender's uuid.
fn finish_untaken(turn: &mut Turn<'_>, job_id: &str) -> Result<Option<String>, Error> {
    let Some(job) = jobs::find(turn, job_id)?.filter(|job| !job.is_taken() && job.state.is_open()) else {
        return Ok(None);
    };
    let target = job.target_uuid.clone().unwrap_or_default();
    if job.state == State::Delivered {
        window::pass_cancel(turn, &target, job_id, "nobody waits for it any more")?;
    }
    let error = format!("{target} did not take it within a minute after its caller had stopped waiting");
    lifecycle::finish(turn, &job, State::Lost, "", &error)?;
    Ok(Some(target))
}

/// Tells a peer which of the jobs it still has were cancelled while it was away, or given to another.
pub fn pass_missed_cancels(turn: &mut Turn<'_>, client_uuid: &str, still_has: &[String]) -> Result<(), Error> {
    for job_id in still_has {
        let known = jobs::find(turn, job_id)?.filter(|job| job.target_uuid.as_deref() == Some(client_uuid));
        if known.is_some_and(|job| job.state == State::Cancelled || (job.state == State::Lost && job.part.is_some())) {
            window::pass_cancel(turn, client_uuid, job_id, "cancelled while you were away")?;
        }
    }
    Ok(())
}

/// Every job that has expired, whoever it is for.
pub fn lose_expired_of_all(turn: &mut Turn<'_>) -> Result<(), Error> {
    let expired = turn.sql.query(
        concat!(
            "SELECT job_id FROM jobs WHERE state IN ('queued', 'delivered') AND ",
            is_open!(),
            " AND expires_at <= ? ORDER BY seq"
        ),
        params![turn.now_ms],
    )?;
    for row in &expired {
        lose_untaken(turn, &row.text(0)?)?;
    }
    Ok(())
}

fn lose_all(turn: &mut Turn<'_>, lost: Vec<Job>, error: &str) -> Result<(), Error> {
    for job in lost {
        lifecycle::finish(turn, &job, State::Lost, "", error)?;
        parts::give_on(turn, &job)?;
        if let Some(target) = job.target_uuid.as_deref() {
            lifecycle::refill(turn, target)?;
        }
    }
    Ok(())
}
