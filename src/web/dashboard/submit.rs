//! Makes jobs for the owner, from any page.

use bus::wire::command::{Command, Reply};
use bus::wire::tables::SUBMIT;
use serde_json::{Map, Value, json};

use crate::http::error::Error;
use crate::web::dashboard::owner::Owner;
use crate::web::pages::dashboard::Link;

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

/// Makes a job, or says why not. `target`: empty for the only Blender that is connected.
pub async fn submit(
    owner: &Owner<'_>,
    command: &str,
    params: Map<String, Value>,
    target: &str,
) -> Result<Result<Sent, String>, Error> {
    let mut arguments = Map::from_iter([("command".to_owned(), json!(command)), ("params".to_owned(), json!(params))]);
    if !target.is_empty() {
        arguments.insert("target_uuid".to_owned(), json!(target));
    }
    let document = match owner.ask(Command::Tool { name: SUBMIT.to_owned(), arguments: arguments.into() }).await? {
        Reply::Document { document } => document,
        Reply::Rejected { message } => return Ok(Err(message)),
        _ => return Err(Error::UnexpectedReply("UserBus")),
    };
    let text = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(match text("status").as_str() {
        "queued" => Ok(Sent { job_id: text("job_id"), target_uuid: text("target_uuid") }),
        _ => Err(format!("It was not sent. {}", text("hint"))),
    })
}
