//! Makes jobs, and cancels them, for the owner or a guest, from any page.

use bus::wire::command::{Command, Reply};
use bus::wire::guests::PICTURE;
use bus::wire::tables::{JOB_CANCEL, SUBMIT};
use serde_json::{Map, Value, json};

use crate::http::error::Error;
use crate::objects::bus::Bus;
use crate::web::pages::dashboard::{Link, Outcome};

/// A job that was made.
pub struct Sent {
    pub job_id: String,
    pub target_uuid: String,
}

impl Sent {
    pub fn link(&self) -> Link {
        Link { href: page_of(&self.job_id), text: format!("See job {}", self.job_id) }
    }
}

/// The page of a job.
pub fn page_of(job_id: &str) -> String {
    format!("/dashboard/job?id={}", url::form_urlencoded::byte_serialize(job_id.as_bytes()).collect::<String>())
}

/// What a guest is told whose share link has ended meanwhile.
pub const ENDED: &str = "This share has ended.";
const PICTURE_TIMEOUT_MS: i64 = 30_000;
const PICTURE_SIZE: u32 = 960;

/// Asks a bus for its only reply.
pub async fn ask(bus: &Bus, command: Command) -> Result<Reply, Error> {
    Ok(bus.ask("", None, command, &|_| {}).await.map_err(worker::Error::from)?)
}

/// A picture of the viewport. `target`: none for the only Blender. `or_busy`: not while it works on something that does not yield.
pub fn picture(target: Option<String>, or_busy: bool) -> Command {
    Command::Dispatch {
        command: PICTURE.to_owned(),
        params: json!({"max_size": PICTURE_SIZE, "format": "jpg"}),
        target_uuid: target,
        timeout_ms: PICTURE_TIMEOUT_MS,
        or_busy,
        request_key: None,
        in_lines: false,
        frame: None,
        task_after_ms: None,
    }
}

/// Has a job cancelled.
pub async fn cancel(bus: &Bus, job_id: &str) -> Result<Outcome, Error> {
    let arguments = json!({"job_id": job_id});
    match ask(bus, Command::Tool { name: JOB_CANCEL.to_owned(), arguments }).await? {
        Reply::Document { document } => Ok(match document.get("hint").and_then(Value::as_str) {
            Some(hint) => Outcome::done(hint),
            None => Outcome::failed("This job no longer exists."),
        }),
        Reply::Rejected { message } => Ok(Outcome::failed(message)),
        Reply::Revoked => Ok(Outcome::failed(ENDED)),
        _ => Err(Error::UnexpectedReply("UserBus")),
    }
}

/// Makes a job, or says why not. `target`: empty for the only Blender that is connected.
pub async fn submit(
    bus: &Bus,
    command: &str,
    params: Map<String, Value>,
    target: &str,
) -> Result<Result<Sent, String>, Error> {
    let mut arguments = Map::from_iter([("command".to_owned(), json!(command)), ("params".to_owned(), json!(params))]);
    if !target.is_empty() {
        arguments.insert("target_uuid".to_owned(), json!(target));
    }
    let document = match ask(bus, Command::Tool { name: SUBMIT.to_owned(), arguments: arguments.into() }).await? {
        Reply::Document { document } => document,
        Reply::Rejected { message } => return Ok(Err(message)),
        Reply::Revoked => return Ok(Err(ENDED.to_owned())),
        _ => return Err(Error::UnexpectedReply("UserBus")),
    };
    let text = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(match text("status").as_str() {
        "queued" => Ok(Sent { job_id: text("job_id"), target_uuid: text("target_uuid") }),
        _ => Err(format!("It was not sent. {}", text("hint"))),
    })
}
