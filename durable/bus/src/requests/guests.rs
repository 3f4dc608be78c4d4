//! What a guest may ask of the bus, and what becomes of a guest's jobs that wait for the owner.

use crate::delivery::guests::not_shared;
use crate::delivery::lifecycle::{self, Reported};
use crate::requests::job_tools;
use crate::rows::guests::{self, Consent};
use crate::rows::jobs;
use crate::rows::revocations;
use crate::rows::timers::{self, Kind};
use crate::turn::Turn;
use crate::turn::error::Error;
use crate::turn::job::{Job, State};
use crate::wire::command::Command;
use crate::wire::rights;

/// # Errors
/// `Rejection::NotShared` for what no guest of this kind may ask.
pub fn check(turn: &Turn<'_>, command: &Command) -> Result<(), Error> {
    let Some((guest, _)) = turn.guest() else { return Ok(()) };
    let may = match command {
        Command::Tool { name, .. } => rights::of_tool(name).guests.include(guest),
        Command::Dispatch { .. }
        | Command::CancelRequest { .. }
        | Command::Task { .. }
        | Command::CancelTask { .. }
        | Command::Clients
        | Command::Watched
        | Command::Job { .. }
        | Command::FileAccess { .. }
        | Command::OpenSession { .. }
        | Command::UseSession
        | Command::SetLogLevel { .. }
        | Command::CloseSession
        | Command::Subscribe { .. }
        | Command::Unsubscribe { .. } => true,
        // The server and the owner's browser ask these, without a caller.
        Command::Stats
        | Command::Overview { .. }
        | Command::Connected
        | Command::Export { .. }
        | Command::Answer { .. }
        | Command::Release { .. }
        | Command::Disconnect { .. }
        | Command::FileChanged { .. }
        | Command::Push { .. }
        | Command::RevokeGrant { .. }
        | Command::Erase => false,
    };
    if may { Ok(()) } else { Err(not_shared(guest)) }
}

/// The owner's answer about a job that waits for it; none if it does not.
pub fn answer(turn: &mut Turn<'_>, job: &Job, allow: bool) -> Result<Option<()>, Error> {
    if guests::consent(turn, &job.job_id)? != Some(Consent::Asked) {
        return Ok(None);
    }
    timers::clear(turn, Kind::Consent, &job.job_id)?;
    if !allow {
        return refuse(turn, job, "refused, its owner does not want it to run").map(Some);
    }
    guests::give(turn, &job.job_id)?;
    lifecycle::note_progress(turn, job, Reported { message: Some("allowed by its owner"), ..Reported::default() })?;
    match job.target_uuid.as_deref() {
        Some(target) => lifecycle::refill(turn, target).map(Some),
        None => Ok(Some(())),
    }
}

/// Nobody has answered in time.
pub fn give_up(turn: &mut Turn<'_>, job_id: &str) -> Result<(), Error> {
    let waits = guests::consent(turn, job_id)? == Some(Consent::Asked);
    match jobs::find(turn, job_id)?.filter(|job| waits && job.state.is_open()) {
        Some(job) => refuse(turn, &job, "refused, its owner did not answer within 10 minutes"),
        None => Ok(()),
    }
}

fn refuse(turn: &mut Turn<'_>, job: &Job, reason: &str) -> Result<(), Error> {
    lifecycle::end(turn, job, State::Failed, "", &format!("{}: {reason}", job.command))
}

/// A grant has ended. If it was a share link, so do its jobs.
pub fn revoke(turn: &mut Turn<'_>, grant_id: &str) -> Result<(), Error> {
    for job_id in guests::open_of(turn, grant_id)? {
        job_tools::cancel(turn, &job_id)?;
    }
    revocations::revoke(turn, grant_id)
}
