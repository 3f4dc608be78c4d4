//! Turns jobs into what the pages show. Everything is bounded in length.

use bus::wire::views::{ClientInfo, JobDetail, JobLine};
use serde_json::{Map, Value, json};

use crate::web::dashboard::code::{coloured, plain};
use crate::web::dashboard::submit::page_of;
use crate::web::dashboard::touches::touches;
use crate::web::dashboard::words::{cut, duration, moment};
use crate::web::pages::dashboard::{JobRow, Progress, Question};
use crate::web::pages::job::{Fact, JobPart, Made, Text};
use crate::web::screens::who;

/// The most characters shown of what a job was given, and of each thing that came of it. Its JSON has the rest.
const MAX_SHOWN: usize = 12_000;
/// The most characters shown of a job that asks for consent. The job's page shows the rest.
const MAX_ASKED: usize = 6_000;
/// The title of what a job was given.
const GIVEN: &str = "Given";
/// The most files that are listed.
const MAX_FILES: usize = 30;

pub fn row(job: &JobLine, clients: &[ClientInfo]) -> JobRow {
    let is_target = |client: &&ClientInfo| Some(&client.uuid) == job.target_uuid.as_ref() && !client.connected;
    JobRow {
        job_id: job.job_id.clone(),
        href: page_of(&job.job_id),
        command: job.command.clone(),
        first_line: cut(&job.first_line, 160),
        target: job.target_uuid.clone().unwrap_or_default(),
        sender: sender(job),
        status: job.status.clone(),
        is_open: job.is_open,
        progress: progress(job),
        error: cut(&job.error, 200),
        began: moment(job.created_at),
        took: job.finished_at.map(|finished| duration(finished - job.created_at)),
        away: clients.iter().find(is_target).filter(|_| job.is_open).map(|client| moment(client.last_seen)),
    }
}

pub fn progress(job: &JobLine) -> Option<Progress> {
    let percent = job.progress.as_ref().and_then(|progress| progress.get("percent")).and_then(Value::as_f64);
    percent.filter(|_| job.is_open).map(|percent| Progress {
        percent: percent.clamp(0.0, 100.0).floor(),
        message: cut(message(job).and_then(|message| message.lines().next()).unwrap_or_default(), 200),
    })
}

/// Who sent a job, by name if it has one; none for the owner.
pub fn sender(job: &JobLine) -> Option<String> {
    let uuid = Some(&job.from_uuid).filter(|uuid| !uuid.starts_with("server:"));
    job.client.as_ref().or(uuid).map(|name| cut(who(name), 60))
}

/// What its Blender has said of a job last. More lines than one have the stack of its code.
pub fn message(job: &JobLine) -> Option<&str> {
    job.progress.as_ref()?.get("message")?.as_str()
}

pub fn question(job: &JobDetail) -> Question {
    let given = given(&job.payload);
    Question {
        job_id: job.line.job_id.clone(),
        href: page_of(&job.line.job_id),
        command: job.line.command.clone(),
        target: job.line.target_uuid.clone().unwrap_or_default(),
        sender: sender(&job.line),
        is_cut: given.chars().nth(MAX_ASKED).is_some(),
        touches: touches(&job.line.command, &job.payload),
        given: coloured(&cut(&given, MAX_ASKED)),
    }
}

pub fn detail(job: &JobDetail, form_token: &str) -> JobPart {
    let line = &job.line;
    let asks = line.is_open && line.progress.as_ref().is_some_and(|told| told.get("asks").is_some());
    let has_picture = encoded_picture(&job.result).is_some();
    let beside = |name: &str| job.extra.get(name).map(in_text).unwrap_or_default();
    let result = if has_picture { String::new() } else { readable(&job.result) };
    let doing = message(line).filter(|_| line.is_open).unwrap_or_default();
    let texts = [
        (GIVEN, "What the job was given", given(&job.payload)),
        ("What Blender does", "What Blender does for this job now", doing.to_owned()),
        ("Error", "What went wrong", job.error.clone()),
        ("Result", "What came of the job", result),
        ("Written to stderr", "What the job wrote to stderr", beside("stderr")),
        ("Value", "The value of its last expression", beside("value")),
        ("Changes", "What it changed in the scene", beside("changes")),
    ];
    let is_cut = texts.iter().any(|(_, _, text)| text.chars().nth(MAX_SHOWN).is_some());
    let html = |(title, label, text): (&'static str, &'static str, String)| Text {
        title,
        label,
        text: html_of(title, &cut(&text, MAX_SHOWN)),
    };
    let mut shown: Vec<Text> = texts.into_iter().filter(|(_, _, text)| !text.is_empty()).map(html).collect();
    JobPart {
        row: row(line, &[]),
        asks,
        touches: asks.then(|| touches(&line.command, &job.payload)),
        facts: facts(job),
        is_cut,
        picture: has_picture.then(|| format!("{}&format=picture", page_of(&line.job_id))),
        asked: shown.first().is_some_and(|text| asks && text.title == GIVEN).then(|| shown.remove(0)),
        texts: shown,
        made: made(&job.extra),
        form_token: form_token.to_owned(),
    }
}

/// What a job was given is code, or looks like it.
fn html_of(title: &str, text: &str) -> String {
    if title == GIVEN { coloured(text) } else { plain(text) }
}

fn facts(job: &JobDetail) -> Vec<Fact> {
    let fact = |label, value: Option<&str>| value.map(|value| Fact { label, value: cut(value, 200) });
    let checkpoint = job.extra.get("checkpoint").map(in_text);
    [
        fact("Job", Some(&job.line.job_id)),
        fact("Trace", job.traceparent.as_deref()),
        fact("Checkpoint before it", checkpoint.as_deref()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The files that a job made, its long result among them.
fn made(extra: &Map<String, Value>) -> Vec<Made> {
    let files = extra.get("files").and_then(Value::as_array).into_iter().flatten();
    let all = extra.get("result_file").into_iter().chain(files);
    let file = |file: &Value| {
        let text = |name: &str| file.get(name).and_then(Value::as_str).map(str::to_owned);
        let bytes = file.get("bytes").and_then(Value::as_i64).unwrap_or_default();
        Some(Made {
            file_id: text("file_id")?,
            name: cut(&text("name").unwrap_or_default(), 80),
            size: files::limits::shown(bytes),
        })
    };
    all.filter_map(file).take(MAX_FILES).collect()
}

/// All of a job, to copy.
pub fn as_json(job: &JobDetail) -> Value {
    let line = &job.line;
    json!({
        "job_id": line.job_id,
        "command": line.command,
        "target_uuid": line.target_uuid,
        "from_uuid": line.from_uuid,
        "client": line.client,
        "status": line.status,
        "created_at": line.created_at,
        "finished_at": line.finished_at,
        "traceparent": job.traceparent,
        "payload": job.payload,
        "progress": line.progress,
        "result": job.result,
        "error": job.error,
        "beside_result": job.extra,
    })
}

fn in_text(value: &Value) -> String {
    value.as_str().map_or_else(|| format!("{value:#}"), str::to_owned)
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

/// The picture in a screenshot's result: its MIME type, and its bytes in base64.
pub fn encoded_picture(result: &str) -> Option<(String, String)> {
    let document: Value = serde_json::from_str(result).ok()?;
    let part = |name| document.get("image")?.get(name)?.as_str();
    let (kind, data) = (part("mime_type")?, part("data")?);
    let is_base64 = data.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
    (matches!(kind, "image/png" | "image/jpeg") && is_base64).then(|| (kind.to_owned(), data.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{encoded_picture, given, made};
    use serde_json::json;

    #[test]
    fn only_a_picture_of_a_known_kind_is_shown_as_one() {
        let result = |kind: &str, data: &str| json!({"image": {"mime_type": kind, "data": data}}).to_string();
        let found = |result: &str| encoded_picture(result).map(|(kind, data)| kind + " " + &data);
        assert_eq!(found(&result("image/png", "aGk=")).as_deref(), Some("image/png aGk="));
        assert_eq!(found(&result("image/svg+xml", "aGk=")), None);
        assert_eq!(found(&result("image/png", "\"><script>")), None);
        assert_eq!(found("plain text"), None);
    }

    #[test]
    fn code_is_shown_as_code() {
        assert_eq!(given(&json!({"params": {"code": "a\nb"}})), "a\nb");
        assert_eq!(given(&json!({"message_type": "job_dispatch", "script": "c"})), "c");
        assert_eq!(given(&json!({"params": {}})), "");
    }

    #[test]
    fn a_long_result_is_among_the_files_of_its_job() {
        let extra =
            json!({"result_file": {"file_id": "f-1", "name": "result.json", "bytes": 1}, "files": [{"name": "x"}]});
        let shown: Vec<_> =
            made(extra.as_object().unwrap()).into_iter().map(|made| (made.file_id, made.size)).collect();
        assert_eq!(shown, [("f-1".to_owned(), "1 byte".to_owned())]);
    }
}
