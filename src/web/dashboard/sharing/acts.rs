//! What a guest does on the page of a share.

use bus::wire::command::Reply;
use bus::wire::envelope::Envelope;
use serde_json::{Map, json};

use crate::http::error::Error;
use crate::http::parameters::Parameters;
use crate::web::dashboard::job_view::encoded_picture;
use crate::web::dashboard::sharing::guest::Guest;
use crate::web::dashboard::submit::{ENDED, cancel, picture, submit};
use crate::web::pages::dashboard::Outcome;

/// Performs the action of the pressed button.
pub async fn act(guest: &Guest<'_>, parameters: &Parameters) -> Result<Outcome, Error> {
    let field = |name| parameters.optional(name).map(Option::unwrap_or_default);
    match field("action")? {
        "picture" => look(guest).await,
        "run" => run(guest, field("input")?).await,
        "cancel" => cancel(&guest.bus, field("job_id")?).await,
        _ => Ok(Outcome::failed("This page does not know that action. Reload the page and try again.")),
    }
}

async fn look(guest: &Guest<'_>) -> Result<Outcome, Error> {
    Ok(match guest.ask(picture(None, true)).await? {
        Reply::Envelope { envelope } if encoded_picture(&envelope.result).is_some() => {
            Outcome::done("The viewport as it is now.")
        }
        Reply::Envelope { envelope } => Outcome::failed(no_picture(&envelope)),
        Reply::Rejected { message } => Outcome::failed(message),
        Reply::Revoked => Outcome::failed(ENDED),
        _ => return Err(Error::UnexpectedReply("UserBus")),
    })
}

fn no_picture(envelope: &Envelope) -> String {
    match &envelope.running {
        Some(running) => format!("Blender works on {} now. Ask again when it has ended.", running.command),
        None if envelope.error.is_empty() => "Blender sent no picture: it is away, or busy.".to_owned(),
        None => format!("Blender made no picture: {}", envelope.error),
    }
}

/// Sends code, which runs once the owner has agreed.
async fn run(guest: &Guest<'_>, code: &str) -> Result<Outcome, Error> {
    if code.trim().is_empty() {
        return Ok(Outcome::failed("Write the Python code to run."));
    }
    let params = Map::from_iter([("code".to_owned(), json!(code))]);
    Ok(match submit(&guest.bus, "execute_code", params, "").await? {
        Ok(_) => Outcome::done("The owner of this Blender is asked. It runs once they have agreed."),
        Err(reason) => Outcome::failed(reason),
    })
}
