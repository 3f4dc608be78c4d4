//! `resources/read` and `prompts/get`.

use bus_core::command::{Command, Reply};
use serde_json::{Value, json};

use crate::catalog::prompts;
use crate::catalog::resources::{self, ResourceRef};
use crate::catalog::tools::{DispatchCall, DispatchTool};
use crate::mcp::error::RpcError;
use crate::mcp::methods::{Answer, Asked, Caching};
use crate::mcp::tools::command;

const MIME_TYPE: &str = "application/json";

/// Reads a resource: the bus's own, or one that a Blender answers.
///
/// # Errors
/// -32602 with `data.uri` for an unknown one; -32002 up to revision 2025-11-25.
pub async fn read(asked: &Asked) -> Result<Answer, RpcError> {
    let uri = asked.request.text("uri")?;
    let resource = match ResourceRef::parse(uri) {
        Ok(Some(resource)) => resource,
        Ok(None) => return Err(unknown(asked, uri)),
        Err(error) => return Err(RpcError::invalid_params(error.to_string())),
    };
    let Some(question) = question(&resource)? else { return Err(unknown(asked, uri)) };
    let document = match asked.ask(question).await? {
        Reply::Document { document } => document,
        Reply::Envelope { envelope } => {
            serde_json::to_value(&envelope).map_err(|error| RpcError::Internal(error.to_string()))?
        }
        Reply::Rejected { message } => return Err(RpcError::invalid_params(message)),
        other => return Err(RpcError::Internal(format!("the bus answered a read with {other:?}"))),
    };
    let contents = json!([{"uri": uri, "mimeType": MIME_TYPE, "text": document.to_string()}]);
    Ok(Answer::from(json!({"contents": contents})).cached(Caching::Private))
}

/// What to ask the bus for this resource; none for those that it does not serve yet.
fn question(resource: &ResourceRef) -> Result<Option<Command>, RpcError> {
    Ok(Some(match resource {
        ResourceRef::Clients => Command::Clients,
        ResourceRef::Stats => Command::Stats,
        ResourceRef::SceneInfo => dispatch("get_scene_info", &json!({}))?,
        ResourceRef::SceneObjects => {
            dispatch("browse_data", &json!({"collection": "objects", "page": 1, "page_size": resources::PAGE_SIZE}))?
        }
        ResourceRef::Console { level, page } => dispatch(
            "get_console_output",
            &json!({"level": level, "page": page, "page_size": resources::PAGE_SIZE}),
        )?,
        ResourceRef::Job { .. } | ResourceRef::Inbox { .. } => return Ok(None),
    }))
}

/// A dispatch to the only Blender, as the tool of the same command makes it.
fn dispatch(name: &str, arguments: &Value) -> Result<Command, RpcError> {
    let tool = DispatchTool::of_command(name).ok_or_else(|| RpcError::Internal(format!("no command {name}")))?;
    let call = DispatchCall::parse(tool, arguments).map_err(|error| RpcError::invalid_params(error.to_string()))?;
    Ok(command(call))
}

fn unknown(asked: &Asked, uri: &str) -> RpcError {
    if asked.is_modern() {
        RpcError::InvalidParams { message: format!("unknown resource: {uri}"), data: Some(json!({"uri": uri})) }
    } else {
        RpcError::ResourceNotFound { uri: uri.to_owned() }
    }
}

/// `prompts/get`.
///
/// # Errors
/// -32602 for an unknown prompt or a missing argument, by name.
pub fn prompt(asked: &Asked) -> Result<Answer, RpcError> {
    let name = asked.request.text("name")?;
    let none = Value::Null;
    let arguments = asked.request.params.get("arguments").unwrap_or(&none);
    let rendered =
        prompts::render(name, arguments).map_err(|error| RpcError::invalid_params(error.to_string()))?;
    let messages = json!([{"role": "user", "content": {"type": "text", "text": rendered.text}}]);
    Ok(Answer::from(json!({"description": rendered.description, "messages": messages})))
}
