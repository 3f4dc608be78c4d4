//! Jobs: a row before a message, and exactly one end.
//!
//! ```text
//! queued ──▶ delivered ──▶ running ──▶ completed | failed | cancelled
//!    ╰───────────┴────────────┴──────▶ lost (the peer stayed away; a late answer still counts)
//! ```
//! `delivered` is for peers that acknowledge (capability `job_ack`): until they do, a reconnect sends the job again. Any
//! other peer might run it twice, so for those a job runs as soon as it is sent.

use serde_json::{Value, json};

use crate::bus_tools::Priority;
use crate::delivery::{self, LOST_AFTER_MS};
use crate::effect::Effect;
use crate::envelope::{Envelope, Status};
use crate::error::{Error, Rejection};
use crate::ids;
use crate::params;
use crate::questions;
use crate::record::{Record, Routing};
use crate::storage::{MAX_VALUE_BYTES, Row};
use crate::subscriptions::{self, Topic};
use crate::timers::{self, Kind};
use crate::trace;
use crate::turn::{Turn, seconds};

/// The longest `result` kept inline, in bytes.
pub const MAX_RESULT: usize = 1024 * 1024;
/// The longest `error` kept, in bytes; a longer one is cut.
pub const MAX_ERROR: usize = 64 * 1024;
/// The longest job or message, in bytes of JSON. The body of a request, which may have 1 MiB, fits.
pub const MAX_RECORD: usize = 1_200_000;
/// What the other columns of a job's row take at the most, in bytes.
const ROW_MARGIN: usize = 16 * 1024;
/// How long a job is kept after it was made.
pub const KEPT_MS: i64 = 24 * 60 * 60 * 1_000;
/// How the id of a batch begins.
pub const BATCH_PREFIX: &str = "b-";
/// How often old rows are looked for.
pub const RETENTION_EVERY_MS: i64 = 60 * 60 * 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Queued,
    Delivered,
    Running,
    Completed,
    Failed,
    Cancelled,
    Lost,
}

impl State {
    const ALL: [Self; 7] =
        [Self::Queued, Self::Delivered, Self::Running, Self::Completed, Self::Failed, Self::Cancelled, Self::Lost];

    pub fn all() -> [Self; 7] {
        Self::ALL
    }

    /// The state as callers see it: what was sent and not taken still waits.
    pub fn shown(self) -> &'static str {
        match self {
            Self::Delivered => Self::Queued.name(),
            state => state.name(),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Delivered => "delivered",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
        }
    }

    /// The end that an update's `status` means, if it means one.
    pub fn of_update(status: &str) -> Option<Self> {
        [Self::Completed, Self::Failed, Self::Cancelled].into_iter().find(|state| state.name() == status)
    }

    /// An end that nothing changes any more. `lost` is not: the answer may still come.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Delivered | Self::Running)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    pub job_id: String,
    pub command: String,
    pub target_uuid: Option<String>,
    pub from_uuid: String,
    pub state: State,
    pub result: String,
    pub error: String,
    /// What was last heard of it: `{"percent", "message"?}`.
    pub progress: Option<Value>,
    /// Unix milliseconds.
    pub created_ms: i64,
    pub finished_ms: Option<i64>,
    /// When it last changed without ending.
    pub updated_ms: Option<i64>,
    pub traceparent: Option<String>,
    /// The request that waits for it. Not in the row: only what waits knows it.
    pub request_id: Option<String>,
}

/// What a new job is made of.
pub struct NewJob<'a> {
    pub job_id: String,
    /// The command, or `job_dispatch` for a script.
    pub command: &'a str,
    pub from_uuid: String,
    pub target_uuid: &'a str,
    pub routing: Routing,
    pub payload: Value,
    pub priority: Priority,
    pub batch_id: Option<&'a str>,
    pub idempotency_key: Option<&'a str>,
}

/// The payload of a command's record.
pub fn command_payload(job_id: &str, command: &str, params: &Value) -> Value {
    json!({"message_type": "command_dispatch", "job_id": job_id, "command": command, "params": params})
}

/// Makes a job that nobody waits for.
pub fn submit(turn: &mut Turn<'_>, job: NewJob<'_>) -> Result<(), Error> {
    let job = create(turn, job)?;
    log_made(turn, &job);
    Ok(())
}

/// Makes a job that the request waits for. The log hears of it when it ends, or when the wait is slow or over before that:
/// most end at once, and two lines would be one too many.
pub fn dispatch(turn: &mut Turn<'_>, job: NewJob<'_>) -> Result<(), Error> {
    let job = create(turn, job)?;
    turn.presence.cache.await_job(job);
    Ok(())
}

/// Writes the job and sends it, if its peer is there and has room. Returns it as written.
fn create(turn: &mut Turn<'_>, job: NewJob<'_>) -> Result<Job, Error> {
    let record = Record {
        user_id: turn.user_id.to_owned(),
        from_uuid: job.from_uuid,
        target_uuid: job.target_uuid.to_owned(),
        routing: job.routing,
        payload: job.payload,
        job_id: job.job_id,
        message_id: ids::message_id(turn.entropy)?,
        priority: job.priority.as_u8(),
        timestamp: seconds(turn.now_ms),
        traceparent: turn.trace.traceparent.clone(),
    };
    let state = delivery::sent_state(turn, job.target_uuid)?;
    let text = serde_json::to_string(&record).map_err(|source| Error::Stored { what: "record", source })?;
    if text.len() > MAX_RECORD {
        return Err(Rejection::TooLong { what: "job", size: text.len(), limit: MAX_RECORD }.into());
    }
    turn.sql.query(
        "INSERT INTO jobs (job_id, command, target_uuid, from_uuid, priority, state, record, batch_id,
           idempotency_key, created_at, traceparent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            record.job_id.as_str(),
            job.command,
            job.target_uuid,
            record.from_uuid.as_str(),
            i64::from(record.priority),
            state.name(),
            text.as_str(),
            job.batch_id,
            job.idempotency_key,
            turn.now_ms,
            record.traceparent.clone()
        ],
    )?;
    turn.presence.cache.count(Some(job.target_uuid), None, state);
    timers::ensure_retention(turn)?;
    subscriptions::changed(turn, &Topic::Stats)?;
    subscriptions::changed(turn, &Topic::Jobs)?;
    if state == State::Queued {
        if turn.presence.get(job.target_uuid).is_none() {
            timers::ensure(turn, Kind::Lost, job.target_uuid, turn.now_ms.saturating_add(LOST_AFTER_MS))?;
        }
    } else {
        turn.send_record(job.target_uuid, record.priority, &text)?;
    }
    Ok(Job {
        job_id: record.job_id,
        command: job.command.to_owned(),
        target_uuid: Some(record.target_uuid),
        from_uuid: record.from_uuid,
        state,
        result: String::new(),
        error: String::new(),
        progress: None,
        created_ms: turn.now_ms,
        finished_ms: None,
        updated_ms: None,
        traceparent: record.traceparent,
        request_id: Some(turn.trace.request_id.clone()).filter(|id| !id.is_empty()),
    })
}

/// Says in the log that there is this job.
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
    turn.effects.push(Effect::Log { line: trace::line(event, &fields) });
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
     traceparent, updated_at";

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

/// Jobs, newest first; only those in these states where any are named.
pub fn list(turn: &Turn<'_>, states: &[State], limit: u32) -> Result<Vec<Job>, Error> {
    let names: Vec<String> = states.iter().map(|state| format!("'{}'", state.name())).collect();
    let condition = if names.is_empty() { "1".to_owned() } else { format!("state IN ({})", names.join(", ")) };
    let statement = format!("SELECT {COLUMNS} FROM jobs WHERE {condition} ORDER BY seq DESC LIMIT ?");
    turn.sql.query(&statement, params![i64::from(limit)])?.iter().map(job).collect()
}

/// The job or batch that was submitted with this key.
pub fn of_key(turn: &Turn<'_>, idempotency_key: &str) -> Result<Option<String>, Error> {
    let rows = turn
        .sql
        .query("SELECT COALESCE(batch_id, job_id) FROM jobs WHERE idempotency_key = ?", params![idempotency_key])?;
    Ok(rows.first().map(|row| row.text(0)).transpose()?)
}

/// Notes how far a job is, and whether it waits for consent. A report that shows the same whole percent and message is not
/// written again.
pub fn note_progress(
    turn: &mut Turn<'_>,
    known: &Job,
    percent: f64,
    message: Option<&str>,
    asks: bool,
) -> Result<(), Error> {
    let mut progress = json!({"percent": percent.clamp(0.0, 100.0).floor(), "message": message});
    if let (Some(fields), true) = (progress.as_object_mut(), asks) {
        fields.insert("asks".to_owned(), Value::from(questions::CONSENT));
    }
    if known.progress.as_ref() == Some(&progress) {
        return Ok(());
    }
    let now_ms = turn.now_ms;
    let changed = params![progress.to_string(), now_ms, &*known.job_id];
    turn.sql.query("UPDATE jobs SET progress = ?, updated_at = ? WHERE job_id = ?", changed)?;
    turn.presence.cache.change_job(&known.job_id, |job| {
        job.progress = Some(progress);
        job.updated_ms = Some(now_ms);
    });
    turn.effects.push(Effect::News { subject: known.job_id.clone() });
    subscriptions::job_changed(turn, &known.job_id, false)
}

fn job(row: &Row) -> Result<Job, Error> {
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
        request_id: None,
    })
}

/// Ends the job and wakes whoever waits for it.
pub fn finish(turn: &mut Turn<'_>, job: &Job, state: State, result: &str, error: &str) -> Result<(), Error> {
    make_room(turn, &job.job_id, result.len().saturating_add(error.len()))?;
    turn.sql.query(
        "UPDATE jobs SET state = ?, result = ?, error = ?, finished_at = ? WHERE job_id = ?",
        params![state.name(), result, error, turn.now_ms, job.job_id.as_str()],
    )?;
    let now_ms = turn.now_ms;
    log(turn, "job_ended", job, state, Some(now_ms.saturating_sub(job.created_ms)));
    turn.presence.cache.count(job.target_uuid.as_deref(), Some(job.state), state);
    turn.presence.cache.change_job(&job.job_id, |job| {
        job.state = state;
        job.result = result.to_owned();
        job.error = error.to_owned();
        job.finished_ms = Some(now_ms);
    });
    turn.effects.push(Effect::News { subject: job.job_id.clone() });
    subscriptions::job_changed(turn, &job.job_id, true)
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
    let statement = format!(
        "SELECT {COLUMNS} FROM jobs WHERE target_uuid = ? AND state IN ('queued', 'delivered', 'running') ORDER BY seq"
    );
    turn.sql.query(&statement, params![client_uuid])?.iter().map(job).collect()
}

/// Drops jobs older than `KEPT_MS`, and starts the clock for open ones whose peer went without a word.
pub fn forget_old(turn: &mut Turn<'_>) -> Result<(), Error> {
    let away = turn.sql.query(
        "SELECT DISTINCT target_uuid FROM jobs
         WHERE state IN ('queued', 'delivered', 'running') AND target_uuid IS NOT NULL",
        &[],
    )?;
    for row in &away {
        let target = row.text(0)?;
        if turn.presence.get(&target).is_none() {
            timers::ensure(turn, Kind::Lost, &target, turn.now_ms.saturating_add(LOST_AFTER_MS))?;
        }
    }
    turn.sql.query(
        "DELETE FROM jobs WHERE seq IN (SELECT seq FROM jobs ORDER BY seq LIMIT 1000)
           AND created_at < ? AND state NOT IN ('queued', 'delivered', 'running')",
        params![turn.now_ms.saturating_sub(KEPT_MS)],
    )?;
    turn.presence.cache.forget_ended_jobs();
    Ok(())
}

/// The envelope of a job that has ended; none while it is open.
pub fn settled(job: Job) -> Option<Envelope> {
    let status = match job.state {
        State::Queued | State::Delivered | State::Running => return None,
        State::Completed => Status::Completed,
        State::Failed => Status::Failed,
        State::Cancelled => Status::Cancelled,
        State::Lost => Status::Disconnected,
    };
    let target = job.target_uuid.as_deref().unwrap_or_default();
    let envelope = Envelope::of_job(status, &job.command, target, &job.job_id);
    Some(Envelope { result: job.result, error: job.error, ..envelope })
}
