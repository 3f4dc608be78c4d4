//! What the owner's dashboard shows: who is there, the newest jobs, the numbers, and one job in full.

use kernel::params;
use kernel::storage::Row;

use crate::requests::counters;
use crate::rows::clients;
use crate::turn::error::Error;
use crate::turn::job::{State, is_open};
use crate::turn::{Turn, seconds};
use crate::wire::views::{JobDetail, JobLine, Overview};

/// Open jobs that are shown, the newest.
const MAX_OPEN: i64 = 50;

/// Jobs with an end that are shown, the newest.
const MAX_ENDED: i64 = 30;

/// Questions that are shown at once.
const MAX_QUESTIONS: usize = 5;

/// Characters of an error that the list shows.
const MAX_ERROR: i64 = 300;

/// Clients that are shown: those connected before those that are not.
const MAX_CLIENTS: usize = 60;

pub fn read(turn: &mut Turn<'_>) -> Result<Overview, Error> {
    let (mut clients, away): (Vec<_>, Vec<_>) =
        clients::all(turn)?.into_iter().filter(|client| clients::is_listed(turn, client)).partition(|c| c.connected);
    clients.extend(away);
    let more_clients = clients.len().saturating_sub(MAX_CLIENTS);
    clients.truncate(MAX_CLIENTS);
    let mut jobs = lines(turn, is_open!(), MAX_OPEN)?;
    jobs.extend(lines(turn, concat!("NOT ", is_open!()), MAX_ENDED)?);
    let questions = questions(turn, &jobs)?;
    let counters = counters::read(turn)?;
    Ok(Overview { now: seconds(turn.now_ms), clients, more_clients, jobs, questions, counters })
}

fn questions(turn: &Turn<'_>, jobs: &[JobLine]) -> Result<Vec<JobDetail>, Error> {
    let asks = |line: &&JobLine| line.is_open && line.progress.as_ref().is_some_and(|told| told.get("asks").is_some());
    let asking = jobs.iter().filter(asks).take(MAX_QUESTIONS);
    asking.filter_map(|line| job(turn, &line.job_id).transpose()).collect()
}

fn lines(turn: &Turn<'_>, which: &str, limit: i64) -> Result<Vec<JobLine>, Error> {
    let statement = format!(
        "SELECT job_id, command, target_uuid, from_uuid, state, progress, substr(error, 1, ?), created_at, finished_at
         FROM jobs WHERE {which} ORDER BY seq DESC LIMIT ?"
    );
    turn.sql.query(&statement, params![MAX_ERROR, limit])?.iter().map(line).collect()
}

fn line(row: &Row) -> Result<JobLine, Error> {
    let name = row.text(4)?;
    let state = State::ALL.into_iter().find(|state| state.name() == name).unwrap_or(State::Lost);
    Ok(JobLine {
        job_id: row.text(0)?,
        command: row.text(1)?,
        target_uuid: row.optional_text(2)?,
        from_uuid: row.text(3)?,
        status: state.shown().to_owned(),
        is_open: state.is_open(),
        progress: row.optional_text(5)?.and_then(|text| serde_json::from_str(&text).ok()),
        error: row.text(6)?,
        created_at: seconds(row.integer(7)?),
        finished_at: row.optional_integer(8)?.map(seconds),
    })
}

/// One job, if it is still kept.
pub fn job(turn: &Turn<'_>, job_id: &str) -> Result<Option<JobDetail>, Error> {
    let rows = turn.sql.query(
        "SELECT job_id, command, target_uuid, from_uuid, state, progress, substr(error, 1, ?), created_at, finished_at,
           json_extract(record, '$.payload'), result, error FROM jobs WHERE job_id = ?",
        params![MAX_ERROR, job_id],
    )?;
    let Some(row) = rows.first() else { return Ok(None) };
    let payload =
        serde_json::from_str(&row.text(9)?).map_err(|source| Error::Stored { what: "payload of a job", source })?;
    Ok(Some(JobDetail { line: line(row)?, payload, result: row.text(10)?, error: row.text(11)? }))
}
