//! What a bus holds of its owner, for a download: clients, and jobs with what they were given and what came of them.
//!
//! An export is read page by page, so that neither the object nor the edge ever holds all of it.

use kernel::params;
use kernel::storage::Row;
use serde_json::{Value, json};

use crate::push::browsers;
use crate::rows::clients;
use crate::turn::error::Error;
use crate::turn::job::State;
use crate::turn::{Turn, seconds};
use crate::wire::views::ExportPage;

/// A page ends with the job that brings it to this many bytes. One job has at most 2 MB.
const PAGE_BYTES: i64 = 1_000_000;

/// Jobs on a page.
const PAGE_JOBS: i64 = 200;

/// The page of jobs after one place, up to `until`. The first page, after place 0, has the clients too.
pub fn page(turn: &Turn<'_>, after: i64, until: Option<i64>) -> Result<ExportPage, Error> {
    let until = match until {
        Some(until) => until,
        None => newest(turn)?,
    };
    let (clients, browsers) =
        if after == 0 { (clients::all(turn)?, browsers::all(turn)?) } else { (Vec::new(), Vec::new()) };
    let Some(last) = last_of_page(turn, after, until)? else {
        return Ok(ExportPage { clients, browsers, jobs: Vec::new(), until, next: None });
    };
    let rows = turn.sql.query(
        "SELECT job_id, command, target_uuid, from_uuid, state, progress, result, error, created_at, finished_at, record,
           extra FROM jobs WHERE seq > ? AND seq <= ? ORDER BY seq",
        params![after, last],
    )?;
    let jobs = rows.iter().map(job).collect::<Result<_, _>>()?;
    Ok(ExportPage { clients, browsers, jobs, until, next: (last < until).then_some(last) })
}

fn newest(turn: &Turn<'_>) -> Result<i64, Error> {
    let rows = turn.sql.query("SELECT COALESCE(MAX(seq), 0) FROM jobs", &[])?;
    Ok(rows.first().map_or(Ok(0), |row| row.integer(0))?)
}

/// The place of the last job of the page; none if there is no further job.
fn last_of_page(turn: &Turn<'_>, after: i64, until: i64) -> Result<Option<i64>, Error> {
    let rows = turn.sql.query(
        "SELECT seq, length(CAST(record AS BLOB)) + length(CAST(result AS BLOB)) + length(CAST(error AS BLOB))
           + COALESCE(length(CAST(extra AS BLOB)), 0)
         FROM jobs WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
        params![after, until, PAGE_JOBS],
    )?;
    let (mut last, mut bytes) = (None, 0_i64);
    for row in &rows {
        last = Some(row.integer(0)?);
        bytes = bytes.saturating_add(row.integer(1)?);
        if bytes >= PAGE_BYTES {
            break;
        }
    }
    Ok(last)
}

/// A job as the owner reads it. What is JSON in its row is JSON here too; the result stays the text that the Blender sent.
fn job(row: &Row) -> Result<Value, Error> {
    let json_of = |text: Option<String>| text.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let name = row.text(4)?;
    let state = State::ALL.into_iter().find(|state| state.name() == name).unwrap_or(State::Lost);
    let record = json_of(Some(row.text(10)?)).unwrap_or_default();
    Ok(json!({
        "job_id": row.text(0)?,
        "command": row.text(1)?,
        "target_uuid": row.optional_text(2)?,
        "from_uuid": row.text(3)?,
        "status": state.shown(),
        "created_at": seconds(row.integer(8)?),
        "finished_at": row.optional_integer(9)?.map(seconds),
        "payload": record.get("payload"),
        "progress": json_of(row.optional_text(5)?),
        "result": row.text(6)?,
        "error": row.text(7)?,
        "beside_result": json_of(row.optional_text(11)?),
    }))
}
