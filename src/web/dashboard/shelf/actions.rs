//! The actions of the page's forms and of its script: `<what>:<file id>`, and `begin` for an upload in parts.

use files::wire::{Command, Create, Reply, Who};
use serde_json::{Map, Value, json};

use crate::file_store::signed::{self, Method};
use crate::http::error::Error;
use crate::http::parameters::Parameters;
use crate::web::dashboard::owner::Owner;
use crate::web::dashboard::submit::submit;
use crate::web::pages::dashboard::Outcome;

const IMPORT: &str = "import_file";

/// What an action comes to: something for people, or for the script.
pub enum Acted {
    Shown(Outcome),
    Json(Value),
}

impl From<Outcome> for Acted {
    fn from(outcome: Outcome) -> Self {
        Self::Shown(outcome)
    }
}

pub async fn act(owner: &Owner<'_>, parameters: &Parameters) -> Result<Acted, Error> {
    let field = |name| parameters.optional(name).map(Option::unwrap_or_default);
    let action = field("action")?;
    let (what, file_id) = action.split_once(':').unwrap_or((action, ""));
    let file_id = file_id.to_owned();
    match what {
        "begin" => begin(owner, parameters).await,
        "again" => again(owner, &file_id).await,
        "send" => send(owner, &file_id, field("target")?).await.map(Acted::from),
        "delete" => change(owner, Command::Delete { file_id }, "It is deleted.").await,
        "keep" => change(owner, Command::Pin { file_id, pinned: true }, "It is kept until you delete it.").await,
        "unkeep" => {
            let done = "It is kept no longer than other files: the list says until when.";
            change(owner, Command::Pin { file_id, pinned: false }, done).await
        }
        _ => Ok(Outcome::failed("This page does not know that action. Reload the page and try again.").into()),
    }
}

async fn change(owner: &Owner<'_>, command: Command, done: &str) -> Result<Acted, Error> {
    match owner.files()?.ask(Who::Owner, command).await? {
        Reply::Done | Reply::File(_) => Ok(Outcome::done(done).into()),
        Reply::Refused(refusal) => Ok(Outcome::failed(format!("{}.", refusal.message)).into()),
        _ => Err(Error::UnexpectedReply("Files")),
    }
}

/// A new upload, and where its bytes go.
async fn begin(owner: &Owner<'_>, parameters: &Parameters) -> Result<Acted, Error> {
    let create = Create {
        name: parameters.optional("name")?.unwrap_or_default().to_owned(),
        bytes: parameters.optional("bytes")?.map(|bytes| bytes.parse().unwrap_or(-1)),
        mime_type: parameters.optional("type")?.map(str::to_owned),
        ..Create::default()
    };
    match owner.files()?.ask(Who::Owner, Command::Create(create)).await? {
        Reply::Created(created) => again(owner, &created.file_id).await,
        Reply::Refused(refusal) => Ok(Acted::Json(json!({"error_description": refusal.message}))),
        _ => Err(Error::UnexpectedReply("Files")),
    }
}

/// Where the bytes of an upload go, for another hour.
async fn again(owner: &Owner<'_>, file_id: &str) -> Result<Acted, Error> {
    let upload_url = signed::url(owner.env, "", &owner.session.owner.user_id, file_id, Method::Put).await?;
    Ok(Acted::Json(json!({"file_id": file_id, "upload_url": upload_url})))
}

/// Makes a job that imports a file.
pub async fn send(owner: &Owner<'_>, file_id: &str, target: &str) -> Result<Outcome, Error> {
    let file = match owner.files()?.ask(Who::Owner, Command::Get { file_id: file_id.to_owned() }).await? {
        Reply::File(file) => file,
        Reply::Refused(refusal) => return Ok(Outcome::failed(format!("{}.", refusal.message))),
        _ => return Err(Error::UnexpectedReply("Files")),
    };
    if target.is_empty() {
        return Ok(Outcome::failed("Choose the Blender to send it to."));
    }
    let params = Map::from_iter([("file_id".to_owned(), Value::from(file.file_id))]);
    Ok(match submit(&owner.bus, IMPORT, params, target).await? {
        Ok(sent) => Outcome {
            link: Some(sent.link()),
            ..Outcome::done(format!("{} is sent to {}, which imports it.", file.name, sent.target_uuid))
        },
        Err(reason) => Outcome::failed(reason),
    })
}
