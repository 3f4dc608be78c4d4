//! Batches: a command that runs on every member of a group, or a range of frames that the members share.

use kernel::access::Bound;
use kernel::{ids, params};
use serde_json::{Map, Value, json};

use crate::delivery::{lifecycle, parts, routing};
use crate::rows::{clients, reach};
use crate::turn::error::{Error, Rejection};
use crate::turn::job::{self, Job, NewJob, Part, State};
use crate::turn::{Turn, seconds};
use crate::wire::priority::Priority;
use crate::wire::record::Routing;
use crate::wire::tools::Submit;
use crate::wire::views::BLENDER;

/// Bytes of results that one answer shows. Beyond that they have to be fetched one by one.
const MAX_RESULTS_SHOWN: usize = job::MAX_RESULT;

/// Starts the command on each member of a group, or a part of a range of frames on each that is connected.
pub fn submit(turn: &mut Turn<'_>, call: &Submit, group: &str) -> Result<Value, Error> {
    let mut members = members_of(turn, group)?;
    if members.is_empty() {
        return Err(Rejection::EmptyGroup { group: group.to_owned() }.into());
    }
    let range = parts::range(&call.command, &call.params)?;
    let mut given: Vec<Option<Part>> = vec![None; members.len()];
    if let Some(range) = range {
        members.retain(|member| turn.presence.get(member).is_some());
        if members.is_empty() {
            return Ok(json!({"status": "no_client", "command": call.command, "hint": NOBODY_RENDERS}));
        }
        given = parts::split(range, members.len(), group)?.into_iter().map(Some).collect();
    }
    routing::has_room(turn, given.len())?;
    routing::admit(turn, given.len())?;
    let batch_id = ids::random_id::<6>(job::BATCH_PREFIX, turn.entropy)?;
    let mut started = Vec::new();
    let mut key = call.idempotency_key.as_deref();
    for (member, part) in members.iter().zip(given) {
        let part = part.map(|part| within_bound(turn, part));
        let routing = Routing::Group { group_id: group.to_owned() };
        let job_id = start(turn, call, member, routing, Placed { batch_id: Some(&batch_id), key: key.take(), part })?;
        let mut shown = json!({"job_id": job_id, "status": "queued", "target_uuid": member});
        if let (Some(fields), Some(part)) = (shown.as_object_mut(), part) {
            fields.extend(frames(part));
        }
        started.push(shown);
    }
    Ok(json!({"status": "queued", "job_id": batch_id, "command": call.command, "jobs": started}))
}

const NOBODY_RENDERS: &str = "No member of this group is connected. A range of frames is shared by those that are: start one, \
                              then call again.";

fn members_of(turn: &Turn<'_>, group: &str) -> Result<Vec<String>, Error> {
    let (reached, parameter) = reach::condition(turn, "uuid");
    let statement =
        format!("SELECT uuid FROM clients WHERE group_id = ? AND client_type = ? AND {reached} ORDER BY uuid");
    let parameters: Vec<_> = params![group, BLENDER].iter().chain(&parameter).cloned().collect();
    let rows = turn.sql.query(&statement, &parameters)?;
    rows.iter().map(|row| Ok(row.text(0)?)).collect()
}

/// A token for one Blender gives nothing to the others of its group.
fn within_bound(turn: &Turn<'_>, part: Part) -> Part {
    let tries_left = if matches!(turn.bound, Some(Bound::Blender(_))) { 0 } else { part.tries_left };
    Part { tries_left, ..part }
}

/// What a job is part of, and the key it is known by.
#[derive(Default)]
pub struct Placed<'a> {
    pub batch_id: Option<&'a str>,
    pub key: Option<&'a str>,
    pub part: Option<Part>,
}

/// Makes a job of a submission. Returns its id.
pub fn start(
    turn: &mut Turn<'_>,
    call: &Submit,
    target_uuid: &str,
    routing: Routing,
    Placed { batch_id, key, part }: Placed<'_>,
) -> Result<String, Error> {
    let job_id = ids::job_id(turn.entropy)?;
    let params = part.map(|part| parts::params_of(&call.params, part));
    let job = NewJob {
        job_id: job_id.clone(),
        command: &call.command,
        from_uuid: call.from_uuid.clone().unwrap_or_else(|| turn.server_uuid()),
        target_uuid,
        routing,
        payload: lifecycle::command_payload(&job_id, &call.command, params.unwrap_or_else(|| call.params.clone())),
        priority: Priority::default(),
        batch_id,
        idempotency_key: key,
        expires_ms: None,
        part,
    };
    lifecycle::submit(turn, job)?;
    Ok(job_id)
}

/// `blender_job_status` of a batch. `jobs`: those that the caller reaches, in order of arrival; the parts of a range are
/// shown in order of their frames, each by the last member that has tried it.
pub fn status(turn: &Turn<'_>, batch_id: &str, jobs: &[Job]) -> Result<Value, Error> {
    let current = parts::current(jobs);
    let mut room = MAX_RESULTS_SHOWN;
    let mut shown = Vec::new();
    for job in &current {
        let mut fields = with_result(turn, &without_image(job), &mut room)?;
        if let Some(part) = job.part {
            fields.extend(frames(part));
            let earlier = jobs.iter().filter(|other| is_of_part(other, part) && other.job_id != job.job_id);
            let earlier: Vec<Value> = earlier.map(tried).collect();
            if !earlier.is_empty() {
                fields.insert("tried_before".to_owned(), Value::from(earlier));
            }
        }
        shown.push(Value::Object(fields));
    }
    let mut answer = json!({"status": batch_status(&current), "job_id": batch_id, "jobs": shown});
    if let (Some(fields), Some(warning)) = (answer.as_object_mut(), other_files(&current)) {
        fields.insert("warning".to_owned(), Value::from(warning));
    }
    Ok(answer)
}

/// The picture of a part would leave no room for the frames of the others. The result of its own job has it.
fn without_image(job: &Job) -> Job {
    let mut job = job.clone();
    if job.part.is_some()
        && let Ok(Value::Object(mut result)) = serde_json::from_str(&job.result)
        && result.remove("image").is_some()
    {
        job.result = Value::Object(result).to_string();
    }
    job
}

fn is_of_part(job: &Job, part: Part) -> bool {
    job.part.is_some_and(|other| other.frame == part.frame)
}

fn frames(part: Part) -> [(String, Value); 2] {
    [("frame".to_owned(), Value::from(part.frame)), ("frame_end".to_owned(), Value::from(part.frame_end))]
}

/// A member that did not end its part.
fn tried(job: &Job) -> Value {
    json!({"job_id": job.job_id, "status": job.shown(), "target_uuid": job.target_uuid, "error": job.error})
}

/// What to say where members have told that different files are open in them.
fn other_files(jobs: &[&Job]) -> Option<String> {
    let mut files: Vec<(String, &str)> = Vec::new();
    for job in jobs.iter().filter(|job| job.part.is_some()) {
        let result: Value = serde_json::from_str(&job.result).unwrap_or_default();
        let file = result.get("blend").map(Value::to_string);
        if let Some(file) = file.filter(|file| files.iter().all(|(other, _)| other != file)) {
            files.push((file, job.target_uuid.as_deref().unwrap_or_default()));
        }
    }
    let told: Vec<String> = files.iter().map(|(file, uuid)| format!("{uuid}: {file}")).collect();
    (told.len() > 1)
        .then(|| format!("The members rendered different files, so their frames may not match: {}", told.join(", ")))
}

/// A batch runs until its last job has ended, and is completed when all are.
fn batch_status(members: &[&Job]) -> &'static str {
    let any = |wanted: fn(State) -> bool| members.iter().any(|job| wanted(job.state));
    if any(|state| matches!(state, State::Running)) || (any(State::is_open) && any(|state| !state.is_open())) {
        State::Running.name()
    } else if any(State::is_open) {
        State::Queued.name()
    } else if members.iter().all(|job| job.state == State::Completed) {
        State::Completed.name()
    } else {
        State::Failed.name()
    }
}

/// A job without its result. `away_since`: since when the Blender it waits for has been away, in Unix seconds.
pub fn described(turn: &Turn<'_>, job: &Job) -> Result<Map<String, Value>, Error> {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("status", Value::from(job.shown()));
    put("job_id", Value::from(job.job_id.as_str()));
    put("command", Value::from(job.command.as_str()));
    put("target_uuid", Value::from(job.target_uuid.clone()));
    put("created_at", Value::from(seconds(job.created_ms)));
    put("finished_at", job.finished_ms.map_or(Value::Null, |finished| Value::from(seconds(finished))));
    if let Some(progress) = &job.progress {
        put("progress", progress.clone());
    }
    if !job.error.is_empty() {
        put("error", Value::from(job.error.as_str()));
    }
    if let (true, Some(target)) = (job.state.is_open(), job.target_uuid.as_deref())
        && let Some(away_ms) = clients::away_since_ms(turn, target)?
    {
        put("away_since", Value::from(seconds(away_ms)));
    }
    Ok(fields)
}

/// A job with its result, if that fits in the room that is left.
pub fn with_result(turn: &Turn<'_>, job: &Job, room: &mut usize) -> Result<Map<String, Value>, Error> {
    let mut fields = described(turn, job)?;
    match room.checked_sub(job.result.len()) {
        Some(left) => {
            *room = left;
            fields.insert("result".to_owned(), Value::from(job.result.as_str()));
            fields.insert("error".to_owned(), Value::from(job.error.as_str()));
            fields.extend(job::extra_fields(job.extra.as_deref()));
        }
        None => {
            let hint = "Its result is too long to stand here beside the others: blender_job_result shows it.";
            fields.insert("hint".to_owned(), Value::from(hint));
        }
    }
    Ok(fields)
}
