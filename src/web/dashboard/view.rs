//! Turns the bus's overview into what the page shows. Everything is bounded in length.

use bus::wire::views::{BLENDER, ClientInfo, Counters, JOB_ACK, JobDetail, JobLine, Overview};
use chrono::DateTime;
use kernel::arguments::{DefaultValue, Param};
use serde_json::Value;

use crate::catalog::tools;
use crate::web::pages::dashboard::{
    CommandChoice, JobPart, JobRow, LivePart, Moment, Number, Peer, Progress, Question,
};

/// The most capabilities shown of a peer, and the most characters of each.
const MAX_FACTS: usize = 8;
const MAX_FACT: usize = 60;
/// The most characters of code and results that are shown.
const MAX_SHOWN: usize = 100_000;
/// The most characters shown of a job that asks for consent. The job's details show the rest.
const MAX_ASKED: usize = 6_000;

pub fn live<'a>(overview: &Overview, form_token: &'a str) -> LivePart<'a> {
    let (blenders, others): (Vec<_>, Vec<_>) =
        overview.clients.iter().map(peer).partition(|client| client.kind == BLENDER);
    LivePart {
        now: overview.now,
        blenders,
        others,
        more_clients: overview.more_clients,
        questions: overview.questions.iter().map(question).collect(),
        jobs: overview.jobs.iter().map(|job| job_row(job, &overview.clients)).collect(),
        numbers: numbers(&overview.counters),
        form_token,
    }
}

/// The connected Blenders, which a job can be sent to.
pub fn targets(overview: &Overview) -> Vec<String> {
    let connected = |client: &&ClientInfo| client.connected && client.client_type == BLENDER;
    overview.clients.iter().filter(connected).map(|client| client.uuid.clone()).collect()
}

/// The commands that can be sent, `execute_code` first.
pub fn commands() -> Vec<CommandChoice> {
    let mut commands: Vec<CommandChoice> = tools::dispatch_tools()
        .map(|tool| CommandChoice { name: tool.command(), title: tool.title, takes: takes(tool.parameters) })
        .collect();
    commands.sort_by_key(|command| command.name != "execute_code");
    commands
}

/// The parameters in a line, such as `name (required), page, page_size`.
fn takes(parameters: &[Param]) -> String {
    let named = |param: &Param| match param.default {
        DefaultValue::Required => format!("{} (required)", param.name),
        _ => param.name.to_owned(),
    };
    let names: Vec<String> = parameters.iter().map(named).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

fn peer(client: &ClientInfo) -> Peer {
    let told = client.capabilities.iter().filter(|capability| *capability != JOB_ACK);
    Peer {
        uuid: client.uuid.clone(),
        kind: client.client_type.clone(),
        is_connected: client.connected,
        group: client.group_id.clone(),
        facts: told.take(MAX_FACTS).map(|fact| cut(fact, MAX_FACT)).collect(),
        seen: moment(client.last_seen),
    }
}

fn job_row(job: &JobLine, clients: &[ClientInfo]) -> JobRow {
    let is_target = |client: &&ClientInfo| Some(&client.uuid) == job.target_uuid.as_ref() && !client.connected;
    let percent = job.progress.as_ref().and_then(|progress| progress.get("percent")).and_then(Value::as_f64);
    JobRow {
        job_id: job.job_id.clone(),
        query: url::form_urlencoded::byte_serialize(job.job_id.as_bytes()).collect(),
        command: job.command.clone(),
        target: job.target_uuid.clone().unwrap_or_default(),
        sender: Some(job.from_uuid.clone()).filter(|sender| !sender.starts_with("server:")),
        status: job.status.clone(),
        is_open: job.is_open,
        progress: percent.filter(|_| job.is_open).map(|percent| Progress {
            percent: percent.clamp(0.0, 100.0).floor(),
            message: cut(message(job).and_then(|message| message.lines().next()).unwrap_or_default(), 200),
        }),
        error: cut(what_went_wrong(&job.error), 200),
        began: moment(job.created_at),
        took: job.finished_at.map(|finished| duration(finished - job.created_at)),
        away: clients.iter().find(is_target).filter(|_| job.is_open).map(|client| moment(client.last_seen)),
    }
}

/// What its Blender has said of a job last. More lines than one have the stack of its code.
fn message(job: &JobLine) -> Option<&str> {
    job.progress.as_ref()?.get("message")?.as_str()
}

/// The line of a traceback that names the exception, such as `ValueError: no`, else the last line. Hints may follow it.
fn what_went_wrong(error: &str) -> &str {
    let names_exception = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default();
        let is_name = |character: char| character.is_alphanumeric() || matches!(character, '.' | '_');
        name.chars().all(is_name)
            && ["Error", "Exception", "Exit", "Interrupt", "Cancelled"].iter().any(|end| name.ends_with(end))
    };
    error.lines().rev().find(names_exception).or_else(|| error.trim().lines().last()).unwrap_or_default()
}

fn question(job: &JobDetail) -> Question {
    let given = given(&job.payload);
    Question {
        job_id: job.line.job_id.clone(),
        command: job.line.command.clone(),
        target: job.line.target_uuid.clone().unwrap_or_default(),
        sender: Some(job.line.from_uuid.clone()).filter(|sender| !sender.starts_with("server:")),
        is_cut: given.chars().nth(MAX_ASKED).is_some(),
        given: cut(&given, MAX_ASKED),
    }
}

pub fn detail(job: &JobDetail) -> JobPart {
    let image = picture(&job.result);
    JobPart {
        given: cut(&given(&job.payload), MAX_SHOWN),
        result: if image.is_some() { String::new() } else { cut(&readable(&job.result), MAX_SHOWN) },
        image,
        error: cut(&job.error, MAX_SHOWN),
        is_open: job.line.is_open,
        doing: message(&job.line).filter(|_| job.line.is_open).unwrap_or_default().to_owned(),
    }
}

/// The code of a job that runs code, else its parameters.
fn given(payload: &Value) -> String {
    let params = payload.get("params").unwrap_or(&Value::Null);
    match (params.get("code").or_else(|| payload.get("script")).and_then(Value::as_str), params) {
        (Some(code), _) => code.to_owned(),
        (None, Value::Object(fields)) if fields.is_empty() => String::new(),
        (None, Value::Null) => String::new(),
        (None, params) => format!("{params:#}"),
    }
}

/// A JSON result with line breaks; any other result as it is.
fn readable(result: &str) -> String {
    match serde_json::from_str::<Value>(result) {
        Ok(document @ (Value::Object(_) | Value::Array(_))) => format!("{document:#}"),
        _ => result.to_owned(),
    }
}

/// The picture in a screenshot's result as a `data:` URL.
pub fn picture(result: &str) -> Option<String> {
    let document: Value = serde_json::from_str(result).ok()?;
    let part = |name| document.get("image")?.get(name)?.as_str();
    let (kind, data) = (part("mime_type")?, part("data")?);
    let is_base64 = data.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
    (matches!(kind, "image/png" | "image/jpeg") && is_base64).then(|| format!("data:{kind};base64,{data}"))
}

fn numbers(counters: &Counters) -> Vec<Number> {
    let number = |label, value: String| Number { label, value };
    let recent = |state: &str| counters.recent_jobs.get(state).copied().unwrap_or_default().to_string();
    let time = |ms: Option<i64>| ms.map_or_else(|| "-".to_owned(), milliseconds);
    vec![
        number("Blenders connected", counters.peers_connected.to_string()),
        number("open jobs", counters.open_jobs.to_string()),
        number("completed lately", recent("completed")),
        number("failed lately", recent("failed")),
        number("median time", time(counters.median_ms)),
        number("95 % within", time(counters.p95_ms)),
        number("messages kept", counters.kept_messages.to_string()),
        number("stored", format!("{} KiB", counters.database_bytes.div_ceil(1024))),
    ]
}

/// Milliseconds as seconds.
fn milliseconds(ms: i64) -> String {
    // A job lives for a day, so a float holds this exactly.
    #[allow(clippy::cast_precision_loss)]
    duration(ms as f64 / 1_000.0)
}

/// Seconds as `24 ms`, `1.8 s`, `42 s` or `3 min 5 s`.
fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1_000.0)
    } else if seconds < 10.0 {
        format!("{seconds:.1} s")
    } else if seconds < 60.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{:.0} min {:.0} s", (seconds / 60.0).floor(), (seconds % 60.0).floor())
    }
}

pub fn moment(seconds: f64) -> Moment {
    // Times of the bus fit into an i64.
    #[allow(clippy::cast_possible_truncation)]
    let time = DateTime::from_timestamp(seconds as i64, 0);
    Moment { seconds, text: time.map(|time| time.format("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default() }
}

/// At most `limit` characters, with a mark if there were more.
fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}… (cut)", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{cut, duration, given, picture, what_went_wrong};
    use serde_json::json;

    #[test]
    fn only_a_picture_of_a_known_kind_is_shown_as_one() {
        let result = |kind: &str, data: &str| json!({"image": {"mime_type": kind, "data": data}}).to_string();
        assert_eq!(picture(&result("image/png", "aGk=")).as_deref(), Some("data:image/png;base64,aGk="));
        assert_eq!(picture(&result("image/svg+xml", "aGk=")), None);
        assert_eq!(picture(&result("image/png", "\"><script>")), None);
        assert_eq!(picture("plain text"), None);
    }

    #[test]
    fn times_and_texts_are_short() {
        assert_eq!([0.024, 1.84, 42.4, 185.0].map(duration), ["24 ms", "1.8 s", "42 s", "3 min 5 s"]);
        assert_eq!((cut("äöü", 2), cut("äö", 2)), ("äö… (cut)".to_owned(), "äö".to_owned()));
    }

    #[test]
    fn an_error_is_shown_by_the_line_of_its_exception() {
        let traceback =
            "Traceback (most recent call last):\n  File \"x\", line 1\n    f()\n    ^^^\nbpy.Error: no\nHint: try g()";
        assert_eq!(what_went_wrong(traceback), "bpy.Error: no");
        assert_eq!(what_went_wrong("KeyError: 'Cube'\n"), "KeyError: 'Cube'");
        assert_eq!(what_went_wrong("It left\nlong ago\n"), "long ago");
        assert_eq!(what_went_wrong(""), "");
    }

    #[test]
    fn code_is_shown_as_code() {
        assert_eq!(given(&json!({"params": {"code": "a\nb"}})), "a\nb");
        assert_eq!(given(&json!({"message_type": "job_dispatch", "script": "c"})), "c");
        assert_eq!(given(&json!({"params": {}})), "");
    }
}
