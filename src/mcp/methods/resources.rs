//! `resources/read`.
use bus::wire::command::{Command, Reply};
use bus::wire::tables::{JOB_RESULT, RECEIVE_MESSAGES};
use serde_json::{Value, json};

use crate::catalog::resources::{ResourceError, ResourceRef};
use crate::mcp::answer::{Answer, Caching};
use crate::mcp::asked::Asked;
use crate::mcp::error::RpcError;
use crate::mcp::methods::dispatch::{Answers, Dispatched, dispatch};

const MIME_TYPE: &str = "application/json";

/// Reads a resource: the bus's own, or one that a Blender answers.
///
/// # Errors
/// -32602 with `data.uri` for an unknown one; -32002 up to revision 2025-11-25.
pub async fn read(asked: &Asked) -> Result<Answer, RpcError> {
    let uri = asked.request.text("uri")?;
    let resource = ResourceRef::parse(uri).map_err(|error| refused(asked, uri, &error))?;
    let document = match resource.dispatch() {
        None => own(asked, &resource).await?,
        Some(call) => match dispatch(asked, call, Answers::Resource).await? {
            Dispatched::Envelope(envelope) => {
                serde_json::to_value(&envelope).map_err(|error| RpcError::Internal(error.to_string()))?
            }
            Dispatched::Instead(answer) => return Ok(answer),
            Dispatched::Rejected(reason) => return Err(RpcError::invalid_params(reason)),
        },
    };
    let contents = json!([{"uri": uri, "mimeType": MIME_TYPE, "text": document.to_string()}]);
    Ok(Answer::from(json!({"contents": contents})).cached(Caching::Private))
}

/// The document of a resource that the bus has itself.
async fn own(asked: &Asked, resource: &ResourceRef) -> Result<Value, RpcError> {
    let tool = |name: &str, arguments| Command::Tool { name: name.to_owned(), arguments };
    let command = match resource {
        ResourceRef::Clients => Command::Clients,
        ResourceRef::Stats => Command::Stats,
        ResourceRef::Job { id } => tool(JOB_RESULT, json!({"job_id": id})),
        ResourceRef::Inbox { uuid } => tool(RECEIVE_MESSAGES, json!({"client_uuid": uuid})),
        ResourceRef::SceneInfo | ResourceRef::SceneObjects | ResourceRef::Console { .. } => {
            return Err(RpcError::Internal(format!("no command reads {}", resource.uri())));
        }
    };
    match asked.ask(command).await? {
        Reply::Document { document } => Ok(document),
        Reply::Rejected { message } => Err(RpcError::invalid_params(message)),
        other => Err(RpcError::Internal(format!("the bus answered a read with {other:?}"))),
    }
}

fn refused(asked: &Asked, uri: &str, error: &ResourceError) -> RpcError {
    match error {
        ResourceError::Unknown { .. } if !asked.is_modern() => RpcError::ResourceNotFound { uri: uri.to_owned() },
        error => RpcError::InvalidParams { message: error.to_string(), data: Some(json!({"uri": uri})) },
    }
}
