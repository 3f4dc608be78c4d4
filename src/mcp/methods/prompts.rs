//! `prompts/get`.

use serde_json::{Value, json};

use crate::catalog::prompts;
use crate::mcp::context::RequestContext;
use crate::mcp::wire::answer::Answer;
use crate::mcp::wire::error::RpcError;

/// # Errors
/// -32602 for an unknown prompt, and for a missing, unknown or invalid argument, which is named.
pub fn get(context: &RequestContext) -> Result<Answer, RpcError> {
    let name = context.request.text("name")?;
    let arguments = context.request.params.get("arguments").unwrap_or(&Value::Null);
    let rendered = prompts::render(name, arguments).map_err(|error| RpcError::invalid_params(error.to_string()))?;
    let messages = json!([{"role": "user", "content": {"type": "text", "text": rendered.text}}]);
    Ok(Answer::from(json!({"description": rendered.description, "messages": messages})))
}
