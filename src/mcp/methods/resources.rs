//! `resources/read`.

use bus::wire::command::{Command, Reply};
use bus::wire::tables::{JOB_RESULT, RECEIVE_MESSAGES};
use serde_json::{Value, json};

use crate::catalog::resources::{ResourceError, ResourceRef};
use crate::mcp::context::RequestContext;
use crate::mcp::methods::dispatch::{AnswerAs, Dispatched, dispatch};
use crate::mcp::methods::skills;
use crate::mcp::wire::answer::{Answer, Caching};
use crate::mcp::wire::error::RpcError;

const MIME_TYPE: &str = "application/json";

/// Reads a resource, from the bus or from a Blender.
///
/// # Errors
/// For an unknown resource -32602 with `data.uri`, or -32002 up to revision 2025-11-25.
pub async fn read(context: &RequestContext) -> Result<Answer, RpcError> {
    let uri = context.request.text("uri")?;
    if let Some(answer) = skills::read(uri) {
        if !context.is_modern() {
            context.ask(Command::UseSession).await?;
        }
        return Ok(answer);
    }
    let resource = ResourceRef::parse(uri).map_err(|error| refused(context, uri, &error))?;
    let document = match resource.dispatch() {
        None => own(context, &resource).await?,
        Some(call) => match dispatch(context, call, AnswerAs::Resource).await? {
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

/// The document of a resource that the bus answers itself.
async fn own(context: &RequestContext, resource: &ResourceRef) -> Result<Value, RpcError> {
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
    match context.ask(command).await? {
        Reply::Document { document } => Ok(document),
        Reply::Rejected { message } => Err(RpcError::invalid_params(message)),
        other => Err(RpcError::Internal(format!("the bus answered a read with {other:?}"))),
    }
}

fn refused(context: &RequestContext, uri: &str, error: &ResourceError) -> RpcError {
    match error {
        ResourceError::Unknown { .. } if !context.is_modern() => RpcError::ResourceNotFound { uri: uri.to_owned() },
        error => RpcError::InvalidParams { message: error.to_string(), data: Some(json!({"uri": uri})) },
    }
}
