//! `tools/call`.

use bus_core::bus_tools::SUBMIT;
use bus_core::command::{Command, Reply};
use bus_core::envelope::Envelope;
use bus_core::scopes::Scopes;
use serde_json::{Map, Value, json};

use crate::catalog::tools::{self, DispatchCall, DispatchTool, Tool};
use crate::mcp::account_tools;
use crate::mcp::error::RpcError;
use crate::mcp::methods::{Answer, Asked};

/// Calls a tool of the catalog.
///
/// # Errors
/// -32602 for an unknown tool. Wrong arguments are no JSON-RPC error but a tool error, which models get to see.
pub async fn call(asked: &Asked) -> Result<Answer, RpcError> {
    let name = asked.request.text("name")?;
    let Some(tool) = tools::find(name) else {
        return Err(RpcError::invalid_params(format!("unknown tool: {name}")));
    };
    let arguments = match asked.request.params.get("arguments") {
        None | Some(Value::Null) => Value::Object(Map::new()),
        Some(arguments) => arguments.clone(),
    };
    match tool {
        Tool::Dispatch(tool) => match DispatchCall::parse(tool, &arguments) {
            Ok(call) => dispatch(asked, call).await,
            Err(error) => Ok(tool_error(&error.to_string())),
        },
        Tool::Bus(tool) | Tool::Job(tool) => {
            let arguments = match with_checked_params(tool.name, arguments) {
                Ok(arguments) => arguments,
                Err(reason) => return Ok(tool_error(&reason)),
            };
            asked.need(if tool.annotations.read_only { Scopes::BUS_READ } else { Scopes::BUS_DISPATCH })?;
            document(asked.ask(Command::Tool { name: tool.name.to_owned(), arguments }).await?)
        }
        Tool::Account(tool) => Ok(match account_tools::call(asked, tool, &arguments).await? {
            Ok(document) => tool_result(&document, None),
            Err(reason) => tool_error(&reason),
        }),
    }
}

/// The arguments of a bus tool; those of `blender_submit` with the params of its command checked and filled in, which
/// only the catalog can do.
fn with_checked_params(name: &str, arguments: Value) -> Result<Value, String> {
    if name != SUBMIT {
        return Ok(arguments);
    }
    let (Value::Object(mut fields), Some(command)) =
        (arguments.clone(), arguments.get("command").and_then(Value::as_str))
    else {
        return Ok(arguments);
    };
    let Some(tool) = DispatchTool::of_command(command) else {
        let known: Vec<_> = tools::dispatch_tools().map(DispatchTool::command).collect();
        return Err(format!("command must be one of {}", known.join(", ")));
    };
    if let Some(params) = fields.get("params").filter(|params| params.is_object()) {
        let checked = tool.parse_params(params).map_err(|error| format!("params: {error}"))?;
        fields.insert("params".to_owned(), Value::Object(checked));
    }
    Ok(Value::Object(fields))
}

async fn dispatch(asked: &Asked, call: DispatchCall) -> Result<Answer, RpcError> {
    asked.need(if call.only_reads { Scopes::BUS_READ } else { Scopes::BUS_DISPATCH })?;
    let reply = asked.ask(command(asked, call)).await?;
    let Reply::Envelope { envelope } = reply else { return document(reply) };
    let (envelope, image) = with_image(*envelope);
    let document = serde_json::to_value(&envelope).map_err(|error| RpcError::Internal(error.to_string()))?;
    Ok(tool_result(&document, image))
}

/// The bus's command for a checked call.
pub fn command(asked: &Asked, call: DispatchCall) -> Command {
    // At most 3,600 seconds: far from any limit of the type.
    #[allow(clippy::cast_possible_truncation)]
    let timeout_ms = (call.timeout_seconds * 1_000.0).ceil() as i64;
    Command::Dispatch {
        command: call.command.to_owned(),
        params: Value::Object(call.params),
        target_uuid: call.target_uuid,
        timeout_ms,
        request_key: Some(asked.request_key.clone()),
        progress: asked.progress.is_some(),
    }
}

fn document(reply: Reply) -> Result<Answer, RpcError> {
    match reply {
        Reply::Document { document } => Ok(tool_result(&document, None)),
        Reply::Rejected { message } => Ok(tool_error(&message)),
        other => Err(RpcError::Internal(format!("the bus answered a tool call with {other:?}"))),
    }
}

fn tool_result(document: &Value, image: Option<Value>) -> Answer {
    let mut content = vec![json!({"type": "text", "text": document.to_string()})];
    content.extend(image);
    Answer::from(json!({"content": content, "structuredContent": document, "isError": false}))
}

fn tool_error(message: &str) -> Answer {
    Answer::from(json!({"content": [{"type": "text", "text": message}], "isError": true}))
}

/// Takes the picture out of a screenshot's result and makes it image content, so that a model sees it.
fn with_image(mut envelope: Envelope) -> (Envelope, Option<Value>) {
    if envelope.command != "get_viewport_screenshot" {
        return (envelope, None);
    }
    let Ok(Value::Object(mut result)) = serde_json::from_str::<Value>(&envelope.result) else {
        return (envelope, None);
    };
    let Some(image) = result.remove("image") else { return (envelope, None) };
    let part = |name: &str| image.get(name).and_then(Value::as_str);
    let content = match (part("mime_type"), part("data")) {
        (Some(mime_type), Some(data)) if mime_type.starts_with("image/") => {
            json!({"type": "image", "data": data, "mimeType": mime_type})
        }
        _ => return (envelope, None),
    };
    envelope.result = Value::Object(result).to_string();
    (envelope, Some(content))
}
