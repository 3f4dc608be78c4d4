//! The actions of the dashboard's forms.

use bus::wire::command::{Command, Reply};
use bus::wire::envelope::{Envelope, Status};
use serde_json::{Map, Value, json};

use crate::catalog::tools::DispatchTool;
use crate::http::error::Error;
use crate::http::parameters::Parameters;
use crate::web::dashboard::job_view::encoded_picture;
use crate::web::dashboard::owner::Owner;
use crate::web::dashboard::submit::{Sent, cancel, picture, submit};
use crate::web::pages::dashboard::Outcome;

/// The actions of buttons whose value is the job or the client that they are about.
const OF_BUTTONS: [&str; 5] = ["cancel", "disconnect", "release", "screenshot", GLANCE];
/// A picture that nobody waits for.
const GLANCE: &str = "glance";
const CODE: &str = "execute_code";

/// Performs the action of the pressed button.
pub async fn act(owner: &Owner<'_>, parameters: &Parameters) -> Result<Outcome, Error> {
    let field = |name| parameters.optional(name).map(Option::unwrap_or_default);
    for name in OF_BUTTONS {
        let about = field(name)?;
        if about.is_empty() {
            continue;
        }
        return match name {
            "cancel" => cancel(&owner.bus, about).await,
            "disconnect" => disconnect(owner, about).await,
            "release" => release(owner, about).await,
            name => screenshot(owner, about, name == GLANCE).await,
        };
    }
    match field("action")? {
        "send" => send(owner, field("target")?, field("command")?, field("input")?).await,
        "again" => again(owner, field("job_id")?).await,
        "cancel" => cancel(&owner.bus, field("job_id")?).await,
        "allow" => answer(owner, field("job_id")?, true).await,
        "refuse" => answer(owner, field("job_id")?, false).await,
        _ => Ok(Outcome::failed("This page does not know that action. Reload the page and try again.")),
    }
}

/// Starts a job. `input` is Python for `execute_code`, else the parameters as JSON.
async fn send(owner: &Owner<'_>, target: &str, command: &str, input: &str) -> Result<Outcome, Error> {
    let Some(tool) = DispatchTool::of_command(command) else {
        return Ok(Outcome::failed("Choose a command from the list."));
    };
    let params = match given(tool, input) {
        Ok(params) => params,
        Err(reason) => return Ok(Outcome::failed(reason)),
    };
    Ok(told(submit(&owner.bus, command, params, target).await?))
}

fn told(sent: Result<Sent, String>) -> Outcome {
    match sent {
        Ok(sent) => Outcome {
            link: Some(sent.link()),
            ..Outcome::done(format!("Sent to {} as job {}.", sent.target_uuid, sent.job_id))
        },
        Err(reason) => Outcome::failed(reason),
    }
}

/// Makes a job like an older one, for the same Blender.
async fn again(owner: &Owner<'_>, job_id: &str) -> Result<Outcome, Error> {
    let job = match owner.ask(Command::Job { job_id: job_id.to_owned() }).await? {
        Reply::Job { job: Some(job) } => job,
        Reply::Job { job: None } => return Ok(Outcome::failed("This job no longer exists.")),
        _ => return Err(Error::UnexpectedReply("UserBus")),
    };
    let (command, params) = match job.payload.get("script") {
        Some(script) => (CODE, json!({"code": script})),
        None => (job.line.command.as_str(), job.payload.get("params").cloned().unwrap_or_default()),
    };
    let params = params.as_object().cloned().unwrap_or_default();
    Ok(told(submit(&owner.bus, command, params, job.line.target_uuid.as_deref().unwrap_or_default()).await?))
}

/// The validated parameters of a command.
fn given(tool: &DispatchTool, input: &str) -> Result<Map<String, Value>, String> {
    let params = match input.trim() {
        "" if tool.command() == CODE => return Err("Write the Python code to run.".to_owned()),
        _ if tool.command() == CODE => json!({"code": input}),
        "" => json!({}),
        json => serde_json::from_str(json).map_err(|error| {
            format!(
                "The parameters of {} must be a JSON object such as {{\"name\": \"Cube\"}}: {error}",
                tool.command()
            )
        })?,
    };
    tool.parse_params(&params).map_err(|error| format!("{}: {error}.", tool.command()))
}

async fn disconnect(owner: &Owner<'_>, client_uuid: &str) -> Result<Outcome, Error> {
    match owner.ask(Command::Disconnect { client_uuid: client_uuid.to_owned() }).await? {
        Reply::Found { found: true } => {
            owner.audit("client forgotten, its name is free", client_uuid).await?;
            Ok(Outcome::done(format!("{client_uuid} is disconnected. It stays away until somebody connects it again.")))
        }
        Reply::Found { found: false } => Ok(Outcome::failed("This client no longer exists.")),
        Reply::Rejected { message } => Ok(Outcome::failed(message)),
        _ => Err(Error::UnexpectedReply("UserBus")),
    }
}

/// Lets go of a client's name, for another login or token.
async fn release(owner: &Owner<'_>, client_uuid: &str) -> Result<Outcome, Error> {
    match owner.ask(Command::Release { client_uuid: client_uuid.to_owned() }).await? {
        Reply::Found { found: true } => {
            owner.audit("name of a client freed", client_uuid).await?;
            Ok(Outcome::done(format!(
                "The name {client_uuid} is free. The next Blender that connects under it has it, with whatever its \
                 login or token is."
            )))
        }
        Reply::Found { found: false } => Ok(Outcome::failed("This client no longer exists.")),
        Reply::Rejected { message } => Ok(Outcome::failed(message)),
        _ => Err(Error::UnexpectedReply("UserBus")),
    }
}

/// Answers a job that asks for consent.
async fn answer(owner: &Owner<'_>, job_id: &str, allow: bool) -> Result<Outcome, Error> {
    match owner.ask(Command::Answer { job_id: job_id.to_owned(), allow }).await? {
        Reply::Found { found: true } if allow => Ok(Outcome::done(format!("Job {job_id} may run, this time only."))),
        Reply::Found { found: true } => Ok(Outcome::done(format!("Job {job_id} is refused."))),
        Reply::Found { found: false } => Ok(Outcome::failed(
            "This job no longer asks for consent, or its Blender is not connected. Reload the page to see.",
        )),
        Reply::Rejected { message } => Ok(Outcome::failed(message)),
        _ => Err(Error::UnexpectedReply("UserBus")),
    }
}

/// Asks a Blender for a picture, which its card then shows. `or_busy`: not while it works on something that does not yield.
async fn screenshot(owner: &Owner<'_>, client_uuid: &str, or_busy: bool) -> Result<Outcome, Error> {
    match owner.ask(picture(Some(client_uuid.to_owned()), or_busy)).await? {
        Reply::Envelope { envelope } => Ok(match encoded_picture(&envelope.result) {
            // The card says what it works on.
            None if or_busy && envelope.status == Status::Busy => Outcome::default(),
            Some(_) => Outcome::done(format!("The new picture is on the card of {client_uuid}.")),
            None => Outcome::failed(no_picture(&envelope)),
        }),
        Reply::Rejected { message } => Ok(Outcome::failed(message)),
        _ => Err(Error::UnexpectedReply("UserBus")),
    }
}

fn no_picture(envelope: &Envelope) -> String {
    match (envelope.status, &envelope.hint) {
        (Status::Failed, _) => format!("Blender made no picture: {}", envelope.error),
        (Status::Timeout, _) => {
            "Blender is busy and has not answered yet. The picture will be on its card when it arrives.".to_owned()
        }
        (_, Some(hint)) => hint.clone(),
        _ => "Blender sent no picture.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::given;
    use crate::catalog::tools::DispatchTool;

    fn params(command: &str, input: &str) -> Result<String, String> {
        given(DispatchTool::of_command(command).unwrap(), input).map(|params| serde_json::to_string(&params).unwrap())
    }

    #[test]
    fn code_is_taken_as_it_was_typed_and_the_rest_as_json() {
        assert_eq!(params("execute_code", " print(1)\n").unwrap(), r#"{"code":" print(1)\n"}"#);
        assert_eq!(params("get_object_info", r#"{"name": "Cube"}"#).unwrap(), r#"{"name":"Cube"}"#);
        assert_eq!(params("get_scene_info", "  ").unwrap(), "{}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(params("execute_code", " ").unwrap_err().contains("Python"));
        assert!(params("get_object_info", "Cube").unwrap_err().contains("must be a JSON object"));
        assert!(params("get_object_info", "").unwrap_err().contains("name is required"));
    }
}
