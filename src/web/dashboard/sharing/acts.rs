//! What a guest does on the page of a share.

use bus::wire::command::{Command, Reply};
use bus::wire::guests::PICTURE;
use bus::wire::tables::{JOB_CANCEL, SUBMIT};
use serde_json::{Value, json};

use crate::http::error::Error;
use crate::http::parameters::Parameters;
use crate::web::dashboard::job_view::encoded_picture;
use crate::web::dashboard::sharing::guest::Guest;
use crate::web::pages::dashboard::Outcome;

const PICTURE_TIMEOUT_MS: i64 = 30_000;
const PICTURE_SIZE: u32 = 960;
const ENDED: &str = "This share has ended.";

/// Performs the action of the pressed button.
pub async fn act(guest: &Guest<'_>, parameters: &Parameters) -> Result<Outcome, Error> {
    match parameters.optional("action")?.unwrap_or_default() {
        "picture" => picture(guest).await,
        "run" => run(guest, parameters.optional("input")?.unwrap_or_default()).await,
        "cancel" => cancel(guest, parameters.optional("job_id")?.unwrap_or_default()).await,
        _ => Ok(Outcome::failed("This page does not know that action. Reload the page and try again.")),
    }
}

async fn picture(guest: &Guest<'_>) -> Result<Outcome, Error> {
    let command = Command::Dispatch {
        command: PICTURE.to_owned(),
        params: json!({"max_size": PICTURE_SIZE, "format": "jpg"}),
        target_uuid: None,
        timeout_ms: PICTURE_TIMEOUT_MS,
        or_busy: true,
        request_key: None,
        in_lines: false,
        frame: None,
        task_after_ms: None,
    };
    Ok(match guest.ask(command).await? {
        Reply::Envelope { envelope } if encoded_picture(&envelope.result).is_some() => {
            Outcome::done("The viewport as it is now.")
        }
        Reply::Envelope { envelope } => Outcome::failed(match &envelope.running {
            Some(running) => format!("Blender works on {} now. Ask again when it has ended.", running.command),
            None if envelope.error.is_empty() => "Blender sent no picture: it is away, or busy.".to_owned(),
            None => format!("Blender made no picture: {}", envelope.error),
        }),
        Reply::Rejected { message } => Outcome::failed(message),
        Reply::Revoked => Outcome::failed(ENDED),
        _ => return Err(Error::UnexpectedReply("UserBus")),
    })
}

/// Sends code, which runs once the owner has agreed.
async fn run(guest: &Guest<'_>, code: &str) -> Result<Outcome, Error> {
    if code.trim().is_empty() {
        return Ok(Outcome::failed("Write the Python code to run."));
    }
    let arguments = json!({"command": "execute_code", "params": {"code": code}});
    Ok(match guest.ask(Command::Tool { name: SUBMIT.to_owned(), arguments }).await? {
        Reply::Document { document } if document.get("job_id").is_some() => {
            Outcome::done("The owner of this Blender is asked. It runs once they have agreed.")
        }
        Reply::Document { document } => {
            Outcome::failed(document.get("hint").and_then(Value::as_str).unwrap_or("It was not sent."))
        }
        Reply::Rejected { message } => Outcome::failed(message),
        Reply::Revoked => Outcome::failed(ENDED),
        _ => return Err(Error::UnexpectedReply("UserBus")),
    })
}

async fn cancel(guest: &Guest<'_>, job_id: &str) -> Result<Outcome, Error> {
    let arguments = json!({"job_id": job_id});
    Ok(match guest.ask(Command::Tool { name: JOB_CANCEL.to_owned(), arguments }).await? {
        Reply::Document { document } => match document.get("hint").and_then(Value::as_str) {
            Some(hint) => Outcome::done(hint),
            None => Outcome::failed("This job no longer exists."),
        },
        Reply::Rejected { message } => Outcome::failed(message),
        Reply::Revoked => Outcome::failed(ENDED),
        _ => return Err(Error::UnexpectedReply("UserBus")),
    })
}
