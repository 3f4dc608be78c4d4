//! The rows of jobs, and nothing else: what is sent, and who hears of it, is decided in `delivery`.

use kernel::storage::{MAX_VALUE_BYTES, Row};
use kernel::{params, trace};
use serde_json::Value;

use crate::rows::guests::Consent;
use crate::rows::{away, pictures, reach};
use crate::turn::Turn;
use crate::turn::cache::Backlog;
use crate::turn::change::Change;
use crate::turn::effect::Effect;
use crate::turn::error::{Error, Rejection};
use crate::turn::job::{Job, Part, State, is_not_completed, is_open};
use crate::turn::sender::Sender;
use crate::wire::record::Record;

/// Open jobs of the whole bus.
pub fn open_jobs(turn: &mut Turn<'_>) -> Result<i64, Error> {
    if let Some(count) = turn.presence.cache.open_jobs() {
        return Ok(count);
    }
    let rows = turn.sql.query(concat!("SELECT COUNT(*) FROM jobs WHERE ", is_open!()), &[])?;
    let count = rows.first().map_or(Ok(0), |row| row.integer(0))?;
    turn.presence.cache.note_open_jobs(count);
    Ok(count)
}

/// What waits for one client.
pub fn backlog(turn: &mut Turn<'_>, client_uuid: &str) -> Result<Backlog, Error> {
    if let Some(known) = turn.presence.cache.backlog(client_uuid) {
        return Ok(known);
    }
    let rows = turn.sql.query(
        concat!(
            "SELECT SUM(state = 'queued'), SUM(state = 'delivered') FROM jobs WHERE target_uuid = ? AND ",
            is_open!()
        ),
        params![client_uuid],
    )?;
    let sum = |column| rows.first().map_or(Ok(None), |row| row.optional_integer(column)).map(Option::unwrap_or_default);
    let backlog = Backlog { queued: sum(0)?, delivered: sum(1)? };
    turn.presence.cache.note_backlog(client_uuid, backlog);
    Ok(backlog)
}

/// The longest job or message, in bytes of JSON. The body of a request, which may have 1 MiB, fits.
pub const MAX_RECORD: usize = 1_200_000;

/// # Errors
/// `Rejection::TooLong` for a job or a message of more bytes of JSON. `what`: what it is called to its sender.
pub fn fits(what: &'static str, json: &str) -> Result<(), Error> {
    match json.len() {
        size if size > MAX_RECORD => Err(Rejection::TooLong { what, size, limit: MAX_RECORD }.into()),
        _ => Ok(()),
    }
}

/// What the other columns of a job's row take at the most, in bytes.
const ROW_MARGIN: usize = 16 * 1024;

/// How long a job is kept after it was made.
pub const KEPT_MS: i64 = 24 * 60 * 60 * 1_000;

/// What a job's row says beside its record.
pub struct Inserted<'a> {
    pub command: &'a str,
    pub batch_id: Option<&'a str>,
    pub idempotency_key: Option<&'a str>,
    pub expires_ms: Option<i64>,
    pub part: Option<Part>,
    /// What the job says of itself from the beginning.
    pub progress: Option<&'a Value>,
    /// The grant of the share link by which it came, and whether it waits for the owner.
    pub guest: Option<(&'a str, Option<Consent>)>,
}

/// Writes a new job. `text`: its record as JSON.
pub fn insert(turn: &mut Turn<'_>, record: &Record, text: &str, state: State, job: &Inserted<'_>) -> Result<(), Error> {
    turn.sql.query(
        "INSERT INTO jobs (job_id, command, target_uuid, from_uuid, priority, state, record, batch_id,
           idempotency_key, created_at, traceparent, expires_at, sender, frame, frame_end, tries_left,
           progress, guest, consent)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            record.job_id.as_str(),
            job.command,
            record.target_uuid.as_str(),
            record.from_uuid.as_str(),
            i64::from(record.priority),
            state.name(),
            text,
            job.batch_id,
            job.idempotency_key,
            turn.now_ms,
            record.traceparent.clone(),
            job.expires_ms,
            turn.sender.as_ref().map(Sender::text),
            job.part.map(|part| part.frame),
            job.part.map(|part| part.frame_end),
            job.part.map(|part| part.tries_left),
            job.progress.map(Value::to_string),
            job.guest.map(|(grant_id, _)| grant_id),
            job.guest.and_then(|(_, consent)| consent).map(Consent::name)
        ],
    )?;
    turn.presence.cache.count(Some(&record.target_uuid), None, state);
    turn.effects.push(Effect::CountMade);
    Ok(())
}

/// Logs that a job was made.
pub fn log_made(turn: &mut Turn<'_>, job: &Job) {
    log(turn, "job_made", job, job.state, None);
}

fn log(turn: &mut Turn<'_>, event: &str, job: &Job, state: State, took_ms: Option<i64>) {
    let fields = [
        ("user_id", Some(Value::from(turn.user_id))),
        ("request_id", job.request_id.as_deref().map(Value::from)),
        ("job_id", trace::shown(&job.job_id)),
        ("command", trace::shown(&job.command)),
        ("target_uuid", job.target_uuid.as_deref().and_then(trace::shown)),
        ("state", Some(Value::from(state.name()))),
        ("took_ms", took_ms.map(Value::from)),
        ("traceparent", job.traceparent.as_deref().map(Value::from)),
    ];
    turn.effects.push(Effect::Log { line: trace::line(event, fields) });
}

/// Writes another state.
pub fn set_state(turn: &mut Turn<'_>, job_id: &str, target_uuid: &str, from: State, to: State) -> Result<(), Error> {
    let now_ms = turn.now_ms;
    let changed = params![to.name(), now_ms, job_id];
    turn.sql.query("UPDATE jobs SET state = ?, updated_at = ? WHERE job_id = ?", changed)?;
    turn.presence.cache.count(Some(target_uuid), Some(from), to);
    turn.presence.cache.change_job(job_id, |job| {
        job.state = to;
        job.updated_ms = Some(now_ms);
    });
    Ok(())
}

const COLUMNS: &str =
    "job_id, command, target_uuid, from_uuid, state, result, error, progress, created_at, finished_at,
     traceparent, updated_at, extra, batch_id, frame, frame_end, tries_left";

pub fn find(turn: &Turn<'_>, job_id: &str) -> Result<Option<Job>, Error> {
    if let Some(job) = turn.presence.cache.job(job_id) {
        return Ok(Some(job.clone()));
    }
    let rows = turn.sql.query(&format!("SELECT {COLUMNS} FROM jobs WHERE job_id = ?"), params![job_id])?;
    rows.first().map(job).transpose()
}

/// The jobs that a batch was split into, in order of arrival.
pub fn of_batch(turn: &Turn<'_>, batch_id: &str) -> Result<Vec<Job>, Error> {
    let statement = format!("SELECT {COLUMNS} FROM jobs WHERE batch_id = ? ORDER BY seq");
    turn.sql.query(&statement, params![batch_id])?.iter().map(job).collect()
}

/// The job, if it was given to a client that the caller reaches.
pub fn reached(turn: &Turn<'_>, job_id: &str) -> Result<Option<Job>, Error> {
    let Some(job) = find(turn, job_id)? else { return Ok(None) };
    Ok(is_shown(turn, &job)?.then_some(job))
}

/// The jobs of a batch that were given to clients that the caller reaches.
pub fn reached_of_batch(turn: &Turn<'_>, batch_id: &str) -> Result<Vec<Job>, Error> {
    let mut shown = Vec::new();
    for job in of_batch(turn, batch_id)? {
        if is_shown(turn, &job)? {
            shown.push(job);
        }
    }
    Ok(shown)
}

fn is_shown(turn: &Turn<'_>, job: &Job) -> Result<bool, Error> {
    match &job.target_uuid {
        Some(target) => reach::includes(turn, target),
        None => Ok(turn.bound.is_none()),
    }
}

/// Jobs of clients that the caller reaches, newest first; only those in these states where any are named.
pub fn list(turn: &Turn<'_>, states: &[State], limit: u32) -> Result<Vec<Job>, Error> {
    let (index, condition) = in_states(states);
    let (reached, parameter) = reach::condition(turn, "target_uuid");
    let statement =
        format!("SELECT {COLUMNS} FROM jobs{index} WHERE {reached} AND {condition} ORDER BY seq DESC LIMIT ?");
    let parameters: Vec<_> = parameter.iter().chain(params![i64::from(limit)]).cloned().collect();
    turn.sql.query(&statement, &parameters)?.iter().map(job).collect()
}

/// What stands in a statement behind `FROM jobs`, and the condition for jobs in these states, or any where none are named. SQLite
/// would rather look through all jobs, newest first, than take the index of the few.
fn in_states(states: &[State]) -> (&'static str, String) {
    if states.is_empty() {
        return ("", "1".to_owned());
    }
    let names: Vec<String> = states.iter().map(|state| format!("'{}'", state.name())).collect();
    let (index, also) = if states.iter().all(|state| state.is_open()) {
        (" INDEXED BY jobs_open", concat!(" AND ", is_open!()))
    } else if !states.iter().any(|state| state.is_open() || *state == State::Completed) {
        (" INDEXED BY jobs_not_completed", concat!(" AND ", is_not_completed!()))
    } else {
        ("", "")
    };
    (index, format!("state IN ({}){also}", names.join(", ")))
}

/// The job or batch that was submitted with this key.
pub fn of_key(turn: &Turn<'_>, idempotency_key: &str) -> Result<Option<String>, Error> {
    let rows = turn
        .sql
        .query("SELECT COALESCE(batch_id, job_id) FROM jobs WHERE idempotency_key = ?", params![idempotency_key])?;
    Ok(rows.first().map(|row| row.text(0)).transpose()?)
}

pub fn job(row: &Row) -> Result<Job, Error> {
    let name = row.text(4)?;
    Ok(Job {
        job_id: row.text(0)?,
        command: row.text(1)?,
        target_uuid: row.optional_text(2)?,
        from_uuid: row.text(3)?,
        // The column is only ever written from `State::name`.
        state: State::ALL.into_iter().find(|state| state.name() == name).unwrap_or(State::Lost),
        result: row.text(5)?,
        error: row.text(6)?,
        progress: row.optional_text(7)?.and_then(|text| serde_json::from_str(&text).ok()),
        created_ms: row.integer(8)?,
        finished_ms: row.optional_integer(9)?,
        traceparent: row.optional_text(10)?,
        updated_ms: row.optional_integer(11)?,
        extra: row.optional_text(12)?,
        request_id: None,
        batch_id: row.optional_text(13)?,
        part: part(row)?,
    })
}

fn part(row: &Row) -> Result<Option<Part>, Error> {
    let (frame, frame_end) = (row.optional_integer(14)?, row.optional_integer(15)?);
    let tries_left = row.optional_integer(16)?.unwrap_or(0);
    Ok(frame.zip(frame_end).map(|(frame, frame_end)| Part { frame, frame_end, tries_left }))
}

/// There is news of the job, for whoever waits for it or for its batch.
pub fn tell(turn: &mut Turn<'_>, job: &Job) {
    let subjects = [Some(job.job_id.clone()), job.batch_id.clone()];
    turn.effects.extend(subjects.into_iter().flatten().map(|subject| Effect::News { subject }));
    turn.changes.insert(Change::Job { job_id: job.job_id.clone() });
}

/// The record of a job as its peer gets it, and who sent it.
pub fn sent(turn: &Turn<'_>, job_id: &str) -> Result<Option<(Record, Option<String>)>, Error> {
    let rows = turn.sql.query("SELECT record, sender FROM jobs WHERE job_id = ?", params![job_id])?;
    let Some(row) = rows.first() else { return Ok(None) };
    let record = serde_json::from_str(&row.text(0)?).map_err(|source| Error::Stored { what: "record", source })?;
    Ok(Some((record, row.optional_text(1)?)))
}

/// The part of a range that a job renders is given to no other member.
pub fn keep_part(turn: &Turn<'_>, job: &Job) -> Result<(), Error> {
    if job.part.is_some() {
        turn.sql.query("UPDATE jobs SET tries_left = 0 WHERE job_id = ?", params![job.job_id.as_str()])?;
    }
    Ok(())
}

/// Ends the job and wakes whoever waits for it. `job.extra` is kept with it.
pub fn finish(turn: &mut Turn<'_>, job: &Job, state: State, result: &str, error: &str) -> Result<(), Error> {
    let extra = job.extra.as_deref();
    let outcome = result.len().saturating_add(error.len()).saturating_add(extra.map_or(0, str::len));
    make_room(turn, &job.job_id, outcome)?;
    let picture = (state == State::Completed && pictures::is_in(&job.command, result)).then_some(1_i64);
    turn.sql.query(
        "UPDATE jobs SET state = ?, result = ?, error = ?, finished_at = ?, extra = ?, picture = ? WHERE job_id = ?",
        params![state.name(), result, error, turn.now_ms, extra, picture, job.job_id.as_str()],
    )?;
    let now_ms = turn.now_ms;
    let took_ms = now_ms.saturating_sub(job.created_ms).max(0);
    log(turn, "job_ended", job, state, Some(took_ms));
    turn.effects.push(Effect::CountEnded { state: state.name(), took_ms });
    turn.presence.cache.count(job.target_uuid.as_deref(), Some(job.state), state);
    let extra = extra.map(str::to_owned);
    turn.presence.cache.change_job(&job.job_id, |job| {
        job.extra = extra;
        job.state = state;
        job.result = result.to_owned();
        job.error = error.to_owned();
        job.finished_ms = Some(now_ms);
    });
    tell(turn, job);
    turn.changes.insert(Change::OpenJobs);
    Ok(())
}

/// A row has a greatest length. Where the job and its outcome together would pass it, the outcome is kept, and the job's
/// payload, which has run, is dropped.
fn make_room(turn: &Turn<'_>, job_id: &str, outcome: usize) -> Result<(), Error> {
    let room = MAX_VALUE_BYTES.saturating_sub(outcome).saturating_sub(ROW_MARGIN);
    if room > MAX_RECORD {
        return Ok(());
    }
    turn.sql.query(
        "UPDATE jobs SET record = json_set(record, '$.payload', json('{}'))
         WHERE job_id = ? AND length(CAST(record AS BLOB)) > ?",
        params![job_id, i64::try_from(room).unwrap_or(0)],
    )?;
    Ok(())
}

/// The open jobs of a client, in order of arrival.
pub fn open_of(turn: &Turn<'_>, client_uuid: &str) -> Result<Vec<Job>, Error> {
    let statement = format!("SELECT {COLUMNS} FROM jobs WHERE target_uuid = ? AND {} ORDER BY seq", is_open!());
    turn.sql.query(&statement, params![client_uuid])?.iter().map(job).collect()
}

/// The job that keeps a client from everything else, as far as it has told.
pub fn busy_of(turn: &Turn<'_>, client_uuid: &str) -> Result<Option<Job>, Error> {
    if turn.presence.get(client_uuid).is_none() {
        return Ok(None); // what it said last is not how it is
    }
    let statement = format!(
        "SELECT {COLUMNS} FROM jobs WHERE target_uuid = ? AND {} AND state = 'running' AND progress IS NOT NULL
         ORDER BY seq",
        is_open!()
    );
    let rows = turn.sql.query(&statement, params![client_uuid])?;
    for row in &rows {
        let job = job(row)?;
        if job.busy_since_ms().is_some() {
            return Ok(Some(job));
        }
    }
    Ok(None)
}

/// Ids of the jobs of a client that it has not taken and that have expired.
pub fn expired_of(turn: &Turn<'_>, client_uuid: &str) -> Result<Vec<String>, Error> {
    let rows = turn.sql.query(
        concat!(
            "SELECT job_id FROM jobs WHERE target_uuid = ? AND state IN ('queued', 'delivered') AND ",
            is_open!(),
            " AND expires_at <= ? ORDER BY seq"
        ),
        params![client_uuid, turn.now_ms],
    )?;
    rows.iter().map(|row| Ok(row.text(0)?)).collect()
}

/// When a job that no Blender has taken is lost. Unix milliseconds.
pub fn expires_ms(turn: &Turn<'_>, job_id: &str) -> Result<Option<i64>, Error> {
    let rows = turn.sql.query("SELECT expires_at FROM jobs WHERE job_id = ?", params![job_id])?;
    Ok(rows.first().map_or(Ok(None), |row| row.optional_integer(0))?)
}

/// Drops an ended job, so that its id can be used again.
pub fn forget(turn: &mut Turn<'_>, job_id: &str) -> Result<(), Error> {
    turn.sql.query("DELETE FROM jobs WHERE job_id = ?", params![job_id])?;
    turn.presence.cache.forget_job(job_id);
    Ok(())
}

/// Jobs that are dropped in one turn.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

/// Drops jobs older than `KEPT_MS`, and starts the clock for open ones whose peer disappeared without closing. Says whether
/// there may be more to drop.
pub fn forget_old(turn: &mut Turn<'_>) -> Result<bool, Error> {
    let away = turn.sql.query(
        concat!("SELECT DISTINCT target_uuid FROM jobs WHERE ", is_open!(), " AND target_uuid IS NOT NULL"),
        &[],
    )?;
    for row in &away {
        let target = row.text(0)?;
        if turn.presence.get(&target).is_none() {
            away::note(turn, &target)?;
        }
    }
    let gone = turn.sql.query(
        concat!(
            "DELETE FROM jobs WHERE seq IN (SELECT seq FROM jobs WHERE NOT ",
            is_open!(),
            " AND seq < (SELECT COALESCE(MIN(seq), 9007199254740991) FROM (
               SELECT seq FROM jobs WHERE created_at >= ? ORDER BY seq LIMIT 1))
           ORDER BY seq LIMIT ?) RETURNING 1"
        ),
        params![turn.now_ms.saturating_sub(KEPT_MS), FORGOTTEN_AT_ONCE],
    )?;
    turn.presence.cache.forget_ended_jobs();
    Ok(i64::try_from(gone.len()).is_ok_and(|gone| gone >= FORGOTTEN_AT_ONCE))
}
