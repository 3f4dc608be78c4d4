//! A job from its making to its one end: the row is written first, then the job is sent, and its end is told to whoever
//! sent it.

use kernel::shorten::shorten;
use kernel::trace;
use kernel::{ids, params};
use serde_json::{Map, Value, json};

use crate::delivery::guests::CONSENT_MS;
use crate::delivery::window::Unsent;
use crate::delivery::{guests, post, window};
use crate::push::news;
use crate::rows::away::LOST_AFTER_MS;
use crate::rows::jobs::{self, MAX_RECORD};
use crate::rows::timers::{self, Kind};
use crate::turn::change::Change;
use crate::turn::effect::Effect;
use crate::turn::error::Error;
use crate::turn::job::{self, Job, MAX_RESULT, NewJob, State};
use crate::turn::{Turn, seconds};
use crate::wire::priority::Priority;
use crate::wire::record::{Record, Routing};

/// The payload of a command's record.
pub fn command_payload(job_id: &str, command: &str, params: Value) -> Value {
    // Built without `json!`, which would copy the parameters of up to a megabyte.
    Value::Object(Map::from_iter([
        ("message_type".to_owned(), Value::from("command_dispatch")),
        ("job_id".to_owned(), Value::from(job_id)),
        ("command".to_owned(), Value::from(command)),
        ("params".to_owned(), params),
    ]))
}

/// Makes a job that nobody waits for.
pub fn submit(turn: &mut Turn<'_>, job: NewJob<'_>) -> Result<(), Error> {
    let state = window::sent_state(turn, job.target_uuid)?;
    let job = create(turn, job, state)?;
    jobs::log_made(turn, &job);
    Ok(())
}

/// Makes a job that nobody waits for and that is sent with the next `refill` of its peer.
pub fn enqueue(turn: &mut Turn<'_>, job: NewJob<'_>) -> Result<(), Error> {
    let job = create(turn, job, State::Queued)?;
    jobs::log_made(turn, &job);
    Ok(())
}

/// Makes a job that a request waits for. It is logged when it ends, or earlier once the wait turns slow or gives up.
/// Most jobs end at once, so this saves a line each.
pub fn dispatch(turn: &mut Turn<'_>, job: NewJob<'_>) -> Result<(), Error> {
    let state = window::sent_state(turn, job.target_uuid)?;
    let job = create(turn, job, state)?;
    turn.presence.cache.await_job(job);
    Ok(())
}

/// Writes the job in this state, and sends it unless that is `queued` or it waits for its owner, who is told. Returns it as
/// written.
fn create(turn: &mut Turn<'_>, job: NewJob<'_>, state: State) -> Result<Job, Error> {
    let job = write(turn, job, state)?;
    if job.progress.is_some() {
        news::job_asks(turn, &job)?;
    }
    Ok(job)
}

fn write(turn: &mut Turn<'_>, job: NewJob<'_>, state: State) -> Result<Job, Error> {
    let guest = guests::admit(turn, &job)?;
    let progress = guest.as_ref().and_then(guests::Admitted::progress);
    let (state, expires_ms) = match progress {
        Some(_) => (State::Queued, job.expires_ms.map(|at_ms| at_ms.saturating_add(CONSENT_MS))),
        None => (state, job.expires_ms),
    };
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
    let text = serde_json::to_string(&record).map_err(|source| Error::Stored { what: "record", source })?;
    jobs::fits("job", &text)?;
    let NewJob { command, target_uuid, batch_id, idempotency_key, part, .. } = job;
    let guest = guest.as_ref().map(|guest| (guest.grant_id.as_str(), guest.consent));
    let said = progress.as_ref();
    let more = jobs::Inserted { command, batch_id, idempotency_key, expires_ms, part, progress: said, guest };
    jobs::insert(turn, &record, &text, state, &more)?;
    guests::await_consent(turn, &record.job_id, said)?;
    timers::ensure_retention(turn)?;
    turn.changes.extend([Change::OpenJobs, Change::Job { job_id: record.job_id.clone() }]);
    send(turn, target_uuid, record.priority, &text, state)?;
    Ok(Job {
        job_id: record.job_id,
        command: command.to_owned(),
        target_uuid: Some(record.target_uuid),
        from_uuid: record.from_uuid,
        state,
        result: String::new(),
        error: String::new(),
        progress,
        created_ms: turn.now_ms,
        finished_ms: None,
        updated_ms: None,
        extra: None,
        traceparent: record.traceparent,
        request_id: Some(turn.trace.request_id.clone()).filter(|id| !id.is_empty()),
        batch_id: batch_id.map(str::to_owned),
        part,
    })
}

/// Sends a new job in this state, or sees to it that one which waits for its peer is lost in the end.
fn send(turn: &mut Turn<'_>, target_uuid: &str, priority: u8, record: &str, state: State) -> Result<(), Error> {
    if state != State::Queued {
        let sender = turn.sender.as_ref().map(|sender| sender.text().to_owned());
        return post::send_record(turn, target_uuid, priority, record, sender.as_deref());
    }
    if turn.presence.get(target_uuid).is_none() {
        timers::ensure(turn, Kind::Lost, target_uuid, turn.now_ms.saturating_add(LOST_AFTER_MS))?;
    }
    Ok(())
}

/// What a peer reports of a job.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reported<'a> {
    pub percent: f64,
    pub message: Option<&'a str>,
    /// It waits for its owner's consent.
    pub asks: bool,
    /// It waits behind other jobs in its Blender, or for its user.
    pub waits: bool,
    /// For how long it has kept its Blender from everything else. Milliseconds.
    pub busy_ms: Option<i64>,
}

/// Notes how far a job is, and what it waits for. A report that shows the same whole percent and message is not written
/// again.
pub fn note_progress(turn: &mut Turn<'_>, known: &Job, reported: Reported<'_>) -> Result<(), Error> {
    let percent = reported.percent.clamp(0.0, 100.0).floor();
    let mut progress = json!({"percent": percent, "message": reported.message});
    if let Some(fields) = progress.as_object_mut() {
        if reported.asks {
            fields.insert("asks".to_owned(), Value::from(job::CONSENT));
        }
        if let Some(busy_ms) = reported.busy_ms {
            fields.insert(job::BUSY_SINCE.to_owned(), Value::from(turn.now_ms.saturating_sub(busy_ms)));
        }
        if reported.waits {
            fields.insert(job::WAITS.to_owned(), Value::from(true));
        }
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
    jobs::tell(turn, known);
    if reported.asks { news::job_asks(turn, known) } else { Ok(()) }
}

/// A report of its peer came in. The first one acknowledges the job. Says whether it did.
pub fn acknowledge(turn: &mut Turn<'_>, job: &Job) -> Result<bool, Error> {
    let (State::Queued | State::Delivered, Some(target)) = (job.state, job.target_uuid.as_deref()) else {
        return Ok(false);
    };
    jobs::set_state(turn, &job.job_id, target, job.state, State::Running)?;
    jobs::tell(turn, job);
    refill(turn, target)?;
    Ok(true)
}

/// Ends the job and tells whoever sent it.
pub fn finish(turn: &mut Turn<'_>, job: &Job, state: State, result: &str, error: &str) -> Result<(), Error> {
    jobs::finish(turn, job, state, result, error)?;
    news::job_ended(turn, job, state)?;
    report_update(turn, job, state.name(), result, error)
}

/// Ends the job, tells whoever sent it, and lets its peer have the next one.
pub fn end(turn: &mut Turn<'_>, job: &Job, state: State, result: &str, error: &str) -> Result<(), Error> {
    finish(turn, job, state, result, error)?;
    match job.target_uuid.as_deref() {
        Some(target) => refill(turn, target),
        None => Ok(()),
    }
}

/// A peer has attached: it gets what it was sent and never acknowledged, then what is queued.
pub fn hand_over(turn: &mut Turn<'_>, client_uuid: &str) -> Result<(), Error> {
    let unsent = window::hand_over(turn, client_uuid)?;
    fail(turn, unsent)
}

/// Sends the peer what it has room for.
pub fn refill(turn: &mut Turn<'_>, client_uuid: &str) -> Result<(), Error> {
    let unsent = window::refill(turn, client_uuid)?;
    fail(turn, unsent)
}

/// Jobs that cannot be sent end as failed. The reason is for the log.
fn fail(turn: &mut Turn<'_>, unsent: Vec<Unsent>) -> Result<(), Error> {
    for (job_id, error) in unsent {
        let fields = [("job_id", trace::shown(&job_id)), ("error", Some(Value::from(error.to_string())))];
        turn.effects.push(Effect::Log { line: trace::line("job_unsent", fields) });
        if let Some(job) = jobs::find(turn, &job_id)? {
            let reason = "the bus could not send this job to its Blender; the server's log has the reason";
            finish(turn, &job, State::Failed, "", reason)?;
        }
    }
    Ok(())
}

/// The message of a result that is over the limit.
pub fn too_large(size: usize) -> String {
    format!(
        "the result has {size} bytes; a result may have at most {MAX_RESULT}. Return less, for example a page at a \
         time, or write it to a file"
    )
}

/// The payload of an update. A result that is too long for a record is cut, and says so: the job's own row has all of it.
pub fn update_payload(job_id: &str, status: &str, result: &str, error: &str) -> Value {
    let mut payload =
        json!({"kind": "job_update", "job_id": job_id, "status": status, "result": result, "error": error});
    // A byte takes at most six in JSON (`\u00XX`).
    if result.len().saturating_add(error.len()) > MAX_RECORD / 8 {
        shorten(&mut payload, MAX_RECORD, "The result is cut here; blender_job_result has all of it.");
    }
    payload
}

/// The update as a record for the sender of the job. A dispatch waits in the object and needs none.
pub fn report_update(turn: &mut Turn<'_>, job: &Job, status: &str, result: &str, error: &str) -> Result<(), Error> {
    if job.from_uuid == turn.server_uuid() {
        return Ok(());
    }
    let sender = job.target_uuid.clone().unwrap_or_else(|| turn.server_uuid());
    let routing = Routing::Direct { target_uuid: job.from_uuid.clone() };
    let payload = update_payload(&job.job_id, status, result, error);
    let mut record = report(turn, &job.job_id, sender, &job.from_uuid, routing, payload)?;
    record.traceparent.clone_from(&job.traceparent);
    post::deliver(turn, &record).map(|_| ())
}

/// A record about a job. Its priority is `notice`.
pub fn report(
    turn: &mut Turn<'_>,
    job_id: &str,
    from_uuid: String,
    target_uuid: &str,
    routing: Routing,
    payload: Value,
) -> Result<Record, Error> {
    Ok(Record {
        user_id: turn.user_id.to_owned(),
        from_uuid,
        target_uuid: target_uuid.to_owned(),
        routing,
        payload,
        job_id: job_id.to_owned(),
        message_id: ids::message_id(turn.entropy)?,
        priority: Priority::Notice.as_u8(),
        timestamp: seconds(turn.now_ms),
        traceparent: turn.trace.traceparent.clone(),
    })
}
