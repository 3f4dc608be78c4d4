//! Calls of the tools for the caller's files.

use bus::wire::rights;
use bus::wire::tables::{CREATE_UPLOAD, DELETE_FILE, LIST_FILES};
use bus::wire::tool_result;
use files::refusal::Kind;
use files::wire::{Command, Create, Created, Reply};
use kernel::arguments::validate;
use serde_json::{Map, Value, json};

use crate::catalog::tools::{BusTool, Tool};
use crate::file_store::access::Wants;
use crate::file_store::signed::{self, Method};
use crate::mcp::context::RequestContext;
use crate::mcp::methods::tool_outcome::ToolOutcome;
use crate::mcp::methods::with_files::{ask, link, shown, who};
use crate::mcp::wire::answer::Answer;
use crate::mcp::wire::error::RpcError;

/// Answers a call of one of these tools.
///
/// # Errors
/// `RpcError` for a missing scope, a closed session, a revoked grant, or a failure of the server.
pub async fn call(context: &RequestContext, tool: &'static BusTool, arguments: &Value) -> Result<Answer, RpcError> {
    context.need(rights::of_tool(tool.name).over_http)?;
    let checked = match validate(&Tool::File(tool).parameters(), arguments) {
        Ok(checked) => checked,
        Err(error) => return Ok(ToolOutcome::Refused(error.to_string()).into()),
    };
    let wants = if tool.annotations.read_only { Wants::Read } else { Wants::Change };
    let file_id = checked.get("file_id").and_then(Value::as_str);
    let who = who(context, wants, file_id).await?;
    let is_delete = tool.name == DELETE_FILE;
    match ask(context, who, command(tool.name, &checked)).await? {
        Reply::Files { files, next } => {
            let mut listed = Vec::new();
            for file in &files {
                listed.push(shown(context, file).await?);
            }
            Ok(ToolOutcome::Document(json!({"status": "ok", "files": listed, "next": next})).into())
        }
        Reply::Created(created) => created_answer(context, &created).await,
        Reply::File(file) => {
            let shown = shown(context, &file).await?;
            let link = link(context, &shown);
            Ok(tool_result::with_content(shown, link, false).into())
        }
        Reply::Done => Ok(ToolOutcome::Document(json!({"status": "ok", "file_id": file_id})).into()),
        Reply::Refused(refusal) if is_delete && refusal.kind == Kind::NotFound => {
            Ok(ToolOutcome::Document(json!({"status": "not_found", "file_id": file_id})).into())
        }
        Reply::Refused(refusal) => Ok(ToolOutcome::Refused(refusal.to_string()).into()),
        other => Err(RpcError::Internal(format!("files answered a tool call with {other:?}"))),
    }
}

fn command(name: &str, checked: &Map<String, Value>) -> Command {
    let text = |name: &str| checked.get(name).and_then(Value::as_str).map(str::to_owned);
    let file_id = || text("file_id").unwrap_or_default();
    match name {
        LIST_FILES => {
            let limit = checked.get("limit").and_then(Value::as_u64).and_then(|limit| u32::try_from(limit).ok());
            Command::List { after: text("after"), limit: limit.unwrap_or(50) }
        }
        CREATE_UPLOAD => Command::Create(Create {
            name: text("name").unwrap_or_default(),
            bytes: checked.get("bytes").and_then(Value::as_i64),
            sha256: text("sha256"),
            mime_type: text("mime_type"),
            ..Create::default()
        }),
        DELETE_FILE => Command::Delete { file_id: file_id() },
        _ => Command::Get { file_id: file_id() },
    }
}

async fn created_answer(context: &RequestContext, created: &Created) -> Result<Answer, RpcError> {
    let (origin, user_id) = (&context.caller.audience, &context.caller.user_id);
    let url = signed::url(&context.env, origin, user_id, &created.file_id, Method::Put).await;
    let url = url.map_err(|error| RpcError::Internal(error.to_string()))?;
    let document = json!({
        "status": "ok",
        "file_id": created.file_id,
        "upload_url": url,
        "expires_at": created.expires_at,
    });
    Ok(ToolOutcome::Document(document).into())
}
