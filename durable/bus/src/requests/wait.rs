//! Waiting in the object: what a request waits for, what it answers, and until when it may sleep.

use kernel::access::Bound;
use serde_json::Value;

use crate::requests::{job_tools, tasks};
use crate::rows::timers::{self, Kind};
use crate::rows::{clients, jobs, owners, revocations};
use crate::turn::error::Error;
use crate::turn::job::{self, Job, State};
use crate::turn::{Turn, seconds};
use crate::wire::command::{Reply, SOON_MS};
use crate::wire::envelope::{Envelope, Running, Status};
use crate::wire::tools::{JobCall, JobStatus, ReceiveMessages};

/// A peer that left may come back within this time before its callers are told. Contract: 15 s.
pub const GRACE_MS: i64 = 15_000;

/// How often a caller who does not want to wait for other jobs looks whether there is one.
const BUSY_LOOK_MS: i64 = 1_000;

/// A request is answered at once, or there is a job to wait for.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    Reply(Reply),
    Wait(Wait),
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

/// A request that waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Wait {
    /// The job, batch or client whose news end it.
    pub subject: String,
    pub for_what: ForWhat,
    pub started_ms: i64,
    pub deadline_ms: i64,
    /// `SOON_MS` have passed without an answer.
    pub is_slow: bool,
    /// What the waiting caller is bound to.
    pub bound: Option<Bound>,
}

impl Wait {
    /// If the clock was set back meanwhile, moves the deadline back by the same time, so that the wait does not become
    /// longer.
    fn mind_the_clock(&mut self, now_ms: i64) {
        let back_ms = self.started_ms.saturating_sub(now_ms).max(0);
        self.started_ms = self.started_ms.saturating_sub(back_ms);
        self.deadline_ms = self.deadline_ms.saturating_sub(back_ms);
        if let ForWhat::Answered(Answered { task_at_ms: Some(task_at_ms), .. }) = &mut self.for_what {
            *task_at_ms = task_at_ms.saturating_sub(back_ms);
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum ForWhat {
    /// A dispatch: until its job has ended.
    Answered(Answered),
    /// A long poll of a job: until its document is another.
    Changed { from: Value },
    /// A long poll of an inbox: until there is something in it.
    Messages { call: ReceiveMessages, is_own: bool },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    pub command: String,
    pub target_uuid: String,
    /// When a client that supports tasks gets a task in place of the answer. Unix milliseconds.
    pub task_at_ms: Option<i64>,
    /// Whether the caller is told `busy` in place of waiting for another job that does not yield.
    pub or_busy: bool,
}

impl Answered {
    #[must_use]
    pub fn or_task_after(self, now_ms: i64, task_after_ms: Option<i64>) -> Self {
        Self { task_at_ms: task_after_ms.map(|after| now_ms.saturating_add(after)), ..self }
    }
}

impl From<Answered> for ForWhat {
    fn from(answered: Answered) -> Self {
        Self::Answered(answered)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    Answer(Reply),
    /// `SOON_MS` have passed. Reported once; call `look` again.
    Slow,
    /// Call `look` again at that time, or earlier when the subject changes or a peer connects or leaves.
    Sleep {
        until_ms: i64,
    },
}

/// Answers a job tool, or begins the wait it asks for.
pub fn begin(turn: &mut Turn<'_>, call: JobCall) -> Result<Outcome, Error> {
    let (wait_seconds, subject) = match &call {
        JobCall::Status(JobStatus { job_id, wait_seconds }) => (*wait_seconds, job_id.clone()),
        JobCall::ReceiveMessages(call) => (call.wait_seconds, call.client_uuid.clone()),
        _ => (0.0, String::new()),
    };
    let document = job_tools::call(turn, call.clone())?;
    // At most 50 seconds, as the table of parameters says.
    #[allow(clippy::cast_possible_truncation)]
    let deadline_ms = turn.now_ms.saturating_add((wait_seconds * 1_000.0) as i64);
    let for_what = match call {
        JobCall::Status(_) if !has_ended(&document) => ForWhat::Changed { from: document.clone() },
        JobCall::ReceiveMessages(call) if is_empty(&document) => {
            let is_own = owners::is_own(turn, &call.client_uuid)?;
            ForWhat::Messages { call, is_own }
        }
        _ => return Ok(Reply::Document { document }.into()),
    };
    if deadline_ms <= turn.now_ms {
        return Ok(Reply::Document { document }.into());
    }
    let bound = turn.bound.clone();
    Ok(Outcome::Wait(Wait { subject, for_what, started_ms: turn.now_ms, deadline_ms, is_slow: false, bound }))
}

fn has_ended(document: &Value) -> bool {
    !matches!(document.get("status").and_then(Value::as_str), Some("queued" | "running"))
}

fn is_empty(document: &Value) -> bool {
    document.get("messages").and_then(Value::as_array).is_some_and(Vec::is_empty)
}

/// Looks whether the wait is over, or begins to be slow.
pub fn look(turn: &mut Turn<'_>, wait: &mut Wait) -> Result<Verdict, Error> {
    turn.bound.clone_from(&wait.bound);
    wait.mind_the_clock(turn.now_ms);
    let slow_ms = wait.started_ms.saturating_add(SOON_MS);
    match look_for_end(turn, wait)? {
        Verdict::Sleep { .. } if !wait.is_slow && turn.now_ms >= slow_ms => {
            wait.is_slow = true;
            if let (ForWhat::Answered(_), Some(job)) = (&wait.for_what, jobs::find(turn, &wait.subject)?) {
                jobs::log_made(turn, &job);
            }
            Ok(Verdict::Slow)
        }
        Verdict::Sleep { until_ms } if !wait.is_slow => Ok(Verdict::Sleep { until_ms: until_ms.min(slow_ms) }),
        verdict => Ok(verdict),
    }
}

fn look_for_end(turn: &mut Turn<'_>, wait: &Wait) -> Result<Verdict, Error> {
    if revocations::is_erased(turn)? {
        return Ok(Verdict::Answer(Reply::Revoked));
    }
    match &wait.for_what {
        ForWhat::Answered(answered) => look_for_answer(turn, wait, answered),
        ForWhat::Changed { from } => {
            let document = job_tools::status(turn, &wait.subject)?;
            let over = document != *from;
            Ok(document_or_sleep(turn, wait, document, over))
        }
        ForWhat::Messages { call, is_own } => {
            let document = job_tools::receive(turn, call, *is_own)?;
            let over = !is_empty(&document);
            Ok(document_or_sleep(turn, wait, document, over))
        }
    }
}

fn document_or_sleep(turn: &Turn<'_>, wait: &Wait, document: Value, over: bool) -> Verdict {
    if over || turn.now_ms >= wait.deadline_ms {
        Verdict::Answer(Reply::Document { document })
    } else {
        Verdict::Sleep { until_ms: wait.deadline_ms }
    }
}

fn look_for_answer(turn: &mut Turn<'_>, wait: &Wait, answered: &Answered) -> Result<Verdict, Error> {
    let verdict = verdict_on_answer(turn, wait, answered)?;
    if let Verdict::Answer(reply) = &verdict {
        let unanswered = |status| matches!(status, Status::Timeout | Status::Disconnected);
        let given_up = matches!(reply, Reply::Envelope { envelope } if unanswered(envelope.status));
        if matches!(reply, Reply::Envelope { envelope } if envelope.status == Status::Busy) {
            job_tools::cancel(turn, &wait.subject)?;
        }
        let job = turn.presence.cache.forget_job(&wait.subject);
        // A caller with a short timeout gives up before its job is slow.
        if let Some(job) = job.filter(|job| job.state.is_open() && !wait.is_slow) {
            jobs::log_made(turn, &job);
        }
        if given_up {
            expire(turn, &wait.subject)?;
        }
    }
    Ok(verdict)
}

/// Nobody waits for the job any more. If no Blender has taken it, it ends in a while instead of running by surprise.
fn expire(turn: &mut Turn<'_>, job_id: &str) -> Result<(), Error> {
    if jobs::find(turn, job_id)?.is_some_and(|job| !job.is_taken())
        && let Some(due_ms) = jobs::expires_ms(turn, job_id)?
    {
        timers::ensure(turn, Kind::Untaken, job_id, due_ms)?;
    }
    Ok(())
}

fn verdict_on_answer(turn: &Turn<'_>, wait: &Wait, answered: &Answered) -> Result<Verdict, Error> {
    let answer = |envelope: Envelope| Ok(Verdict::Answer(Reply::Envelope { envelope: Box::new(envelope) }));
    let job = jobs::find(turn, &wait.subject)?;
    let is_running = job.as_ref().is_some_and(|job| job.shown() == State::Running.name());
    if let Some(envelope) = job.clone().and_then(job::settled) {
        return answer(envelope);
    }
    if turn.now_ms >= wait.deadline_ms {
        return answer(timeout(turn, wait, answered, job.as_ref())?);
    }
    if answered.or_busy
        && !is_running
        && let Some(running) = jobs::busy_of(turn, &answered.target_uuid)?
    {
        let mut envelope = busy(turn, &answered.command, &answered.target_uuid, &running);
        if job.is_some_and(|job| job.state != State::Queued) {
            envelope.hint = Some(WITHDRAWN.to_owned());
        }
        return answer(Envelope { job_id: Some(wait.subject.clone()), ..envelope });
    }
    if answered.task_at_ms.is_some_and(|task_at_ms| turn.now_ms >= task_at_ms) {
        return Ok(Verdict::Answer(Reply::Task { task: tasks::find(turn, &wait.subject)? }));
    }
    let mut until_ms = answered.task_at_ms.unwrap_or(i64::MAX).min(wait.deadline_ms);
    if answered.or_busy && !is_running {
        // What the other job tells wakes only those who wait for that one.
        until_ms = until_ms.min(turn.now_ms.saturating_add(BUSY_LOOK_MS));
    }
    if turn.presence.get(&answered.target_uuid).is_some() {
        return Ok(Verdict::Sleep { until_ms });
    }
    let away_since = turn.presence.left_ms(&answered.target_uuid).unwrap_or(wait.started_ms).max(wait.started_ms);
    let patience = away_since.saturating_add(GRACE_MS);
    if turn.now_ms >= patience {
        return answer(disconnected(turn, wait, answered)?);
    }
    Ok(Verdict::Sleep { until_ms: patience.min(until_ms) })
}

/// A job that its Blender has been given, and had not begun as far as is known, was asked to be withdrawn.
const WITHDRAWN: &str = "Its Blender was asked not to run it, and may have begun it at the same moment: blender_job_status \
                         with its job_id tells. blender_job_cancel with the job_id in running ends what runs.";

/// The answer to a caller who does not wait while its Blender works on something else.
pub fn busy(turn: &Turn<'_>, command: &str, target_uuid: &str, running: &Job) -> Envelope {
    let envelope = Envelope::new(Status::Busy, command).hint(
        "It was not run. Call again later, or without wait_if_busy=false to wait; blender_job_cancel with the job_id in \
         running ends what runs.",
    );
    Envelope {
        target_uuid: Some(target_uuid.to_owned()),
        running: Some(Box::new(described(turn, running))),
        ..envelope
    }
}

/// What runs, for those who wait for it.
fn described(turn: &Turn<'_>, job: &Job) -> Running {
    Running {
        job_id: job.job_id.clone(),
        command: job.command.clone(),
        seconds: seconds(turn.now_ms.saturating_sub(job.busy_since_ms().unwrap_or(job.created_ms)).max(0)),
        message: job.message().map(str::to_owned),
    }
}

/// What the caller of a job that has not ended is told of it, or of the one before it.
fn reason(job: Option<&Job>, running: Option<&Running>) -> String {
    let first_line = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    match (running, job.and_then(Job::message)) {
        (Some(Running { job_id, command, seconds, message }), _) => {
            let told = message.as_deref().map(first_line).map_or(String::new(), |told| format!(", {told}"));
            format!("Blender works on {command} ({job_id}) since {seconds:.0} s{told}. ")
        }
        (None, Some(message)) => format!("Blender says of this job: {}. ", first_line(message)),
        (None, None) => String::new(),
    }
}

fn timeout(turn: &Turn<'_>, wait: &Wait, answered: &Answered, job: Option<&Job>) -> Result<Envelope, Error> {
    let is_running = job.is_some_and(|job| job.shown() == State::Running.name());
    let running = jobs::busy_of(turn, &answered.target_uuid)?.map(|running| described(turn, &running));
    let reason = reason(job, running.as_ref());
    let mut envelope = Envelope::of_job(Status::Timeout, &answered.command, &answered.target_uuid, &wait.subject);
    envelope.job_state = Some(if is_running { State::Running } else { State::Queued }.name().to_owned());
    envelope.waited_seconds = Some(seconds(turn.now_ms.saturating_sub(wait.started_ms)));
    envelope.away_since = away_since(turn, answered)?;
    envelope.running = running.map(Box::new);
    Ok(envelope.hint(&format!(
        "{reason}If Blender has taken the job, it goes on, and its result is kept for 24 hours: read it with \
         blender_job_result and this job_id, or wait for it with blender_job_status. If Blender does not take it within a \
         minute, it is lost. Do not send it again before you know."
    )))
}

fn disconnected(turn: &Turn<'_>, wait: &Wait, answered: &Answered) -> Result<Envelope, Error> {
    let mut envelope = Envelope::of_job(Status::Disconnected, &answered.command, &answered.target_uuid, &wait.subject);
    envelope.away_since = away_since(turn, answered)?;
    Ok(envelope.hint(
        "This Blender left before it answered. If it comes back, the job goes on and blender_job_result shows its \
         result under this job_id; sending it again could run it twice. blender_job_cancel gives it up.",
    ))
}

/// Since when the Blender of a call has been away, in Unix seconds.
fn away_since(turn: &Turn<'_>, answered: &Answered) -> Result<Option<f64>, Error> {
    Ok(clients::away_since_ms(turn, &answered.target_uuid)?.map(seconds))
}
