//! `tools/call`.

use bus::wire::command::{Command, Reply};
use bus::wire::envelope::{Envelope, Status};
use bus::wire::rights;
use bus::wire::tables::{SEND_MESSAGE, SUBMIT};
use bus::wire::tool_result;
use futures_util::FutureExt;
use kernel::arguments::unquoted;
use serde_json::{Map, Value, json};

use crate::catalog::tools::{self, DispatchCall, DispatchTool, Tool};
use crate::mcp::context::RequestContext;
use crate::mcp::methods::dispatch::{AnswerAs, Dispatched, dispatch};
use crate::mcp::methods::tool_outcome::ToolOutcome;
use crate::mcp::methods::which_blender::{self, Choice};
use crate::mcp::methods::{account_tools, file_tools, tasks, with_files};
use crate::mcp::wire::answer::Answer;
use crate::mcp::wire::error::RpcError;

/// Calls a tool of the catalog.
///
/// # Errors
/// -32602 for an unknown tool. Invalid arguments are a tool error and no JSON-RPC error, so that models see them.
pub async fn call(context: &RequestContext) -> Result<Answer, RpcError> {
    let name = context.request.text("name")?;
    let Some(tool) = tools::find(name) else {
        return Err(RpcError::invalid_params(format!("unknown tool: {name}")));
    };
    let arguments = match context.request.params.get("arguments") {
        None | Some(Value::Null) => Value::Object(Map::new()),
        Some(arguments) => unquoted(arguments).into_owned(),
    };
    if context.caller.scopes.guest.is_some_and(|guest| !tool.is_shared_with(guest)) {
        return Ok(ToolOutcome::Refused(format!("not_shared: this share link does not include {name}")).into());
    }
    match tool {
        Tool::Dispatch(tool) => match DispatchCall::parse(tool, &arguments) {
            Ok(call) => call_blender(context, call).await,
            Err(error) => Ok(ToolOutcome::Refused(error.to_string()).into()),
        },
        Tool::Job(tool) if tool.name == SUBMIT => submit(context, arguments).boxed_local().await,
        Tool::Bus(tool) | Tool::Job(tool) => call_bus(context, tool.name, arguments).boxed_local().await,
        Tool::File(tool) => file_tools::call(context, tool, &arguments).boxed_local().await,
        Tool::Account(tool) => account_tools::call(context, tool, &arguments).boxed_local().await.map(Answer::from),
    }
}

async fn call_bus(context: &RequestContext, name: &str, arguments: Value) -> Result<Answer, RpcError> {
    context.need(rights::of_tool(name).over_http)?;
    if name == SEND_MESSAGE
        && let Err(reason) = with_files::may_name(context, arguments.pointer("/payload/params")).await?
    {
        return Ok(ToolOutcome::Refused(reason).into());
    }
    let reply = context.ask(Command::Tool { name: name.to_owned(), arguments }).await?;
    told(context, outcome_of(reply)?).await
}

/// `blender_submit`. A client that knows tasks gets a task.
async fn submit(context: &RequestContext, arguments: Value) -> Result<Answer, RpcError> {
    let mut arguments = match with_checked_params(arguments) {
        Ok(arguments) => arguments,
        Err(reason) => return Ok(ToolOutcome::Refused(reason).into()),
    };
    context.need(rights::of_tool(SUBMIT).over_http)?;
    if let Err(reason) = with_files::may_name(context, arguments.get("params")).await? {
        return Ok(ToolOutcome::Refused(reason).into());
    }
    let choice = which_blender::choice(context).await?;
    let submitted = arguments.get("command").and_then(Value::as_str).unwrap_or_default();
    if let Some(envelope) = which_blender::not_chosen(&choice, submitted) {
        return enveloped(context, envelope).await;
    }
    if let (Choice::Target(target_uuid), Some(fields)) = (choice, arguments.as_object_mut()) {
        fields.insert("target_uuid".to_owned(), Value::from(target_uuid));
    }
    let document = match outcome_of(context.ask(Command::Tool { name: SUBMIT.to_owned(), arguments }).await?)? {
        ToolOutcome::Document(document) => document,
        refused => return Ok(refused.into()),
    };
    if let Some(question) = which_blender::question(context, ambiguous(&document).as_deref()).await? {
        return Ok(question);
    }
    match document.get("job_id").and_then(Value::as_str).filter(|_| context.knows_tasks()) {
        Some(job_id) => tasks::created_for(context, job_id).await,
        None => Ok(ToolOutcome::Document(document).into()),
    }
}

/// The possible targets of a submission, if it was ambiguous.
fn ambiguous(document: &Value) -> Option<Vec<String>> {
    document.get("status").filter(|status| **status == json!(Status::AmbiguousTarget))?;
    serde_json::from_value(document.get("candidates")?.clone()).ok()
}

/// The arguments of `blender_submit`, with the command's `params` validated and their defaults filled in.
fn with_checked_params(arguments: Value) -> Result<Value, String> {
    let (Value::Object(mut fields), Some(command)) =
        (arguments.clone(), arguments.get("command").and_then(Value::as_str))
    else {
        return Ok(arguments);
    };
    let Some(tool) = DispatchTool::of_command(command) else {
        let known: Vec<_> = tools::dispatch_tools().map(DispatchTool::command).collect();
        return Err(format!("command must be one of {}", known.join(", ")));
    };
    if let Some(params) = fields.get("params").map(unquoted).filter(|params| params.is_object()) {
        let checked = tool.parse_params(&params).map_err(|error| format!("params: {error}"))?;
        fields.insert("params".to_owned(), Value::Object(checked));
    }
    Ok(Value::Object(fields))
}

async fn call_blender(context: &RequestContext, call: DispatchCall) -> Result<Answer, RpcError> {
    if context.caller.scopes.guest.is_none() {
        context.need(rights::of_other_tool(call.only_reads))?;
    } // else the bus knows what a guest may have run, and says why not
    let named = call.params.get("file_id").map(|file_id| json!({"file_id": file_id}));
    if let Err(reason) = with_files::may_name(context, named.as_ref()).await? {
        return Ok(ToolOutcome::Refused(reason).into());
    }
    match dispatch(context, call, AnswerAs::Tool).await? {
        Dispatched::Envelope(envelope) => enveloped(context, envelope).boxed_local().await,
        Dispatched::Instead(answer) => Ok(answer),
        Dispatched::Rejected(reason) => Ok(ToolOutcome::Refused(reason).into()),
    }
}

fn outcome_of(reply: Reply) -> Result<ToolOutcome, RpcError> {
    match reply {
        Reply::Document { document } => Ok(ToolOutcome::Document(document)),
        Reply::Rejected { message } => Ok(ToolOutcome::Refused(message)),
        other => Err(RpcError::Internal(format!("the bus answered a tool call with {other:?}"))),
    }
}

/// The outcome of a tool of the bus, with URLs for the files that it names.
async fn told(context: &RequestContext, outcome: ToolOutcome) -> Result<Answer, RpcError> {
    match outcome {
        ToolOutcome::Document(mut document) => {
            let links = with_files::look_through(context, &mut document).await?;
            Ok(tool_result::with_content(document, links, false).into())
        }
        refused => Ok(refused.into()),
    }
}

async fn enveloped(context: &RequestContext, mut envelope: Envelope) -> Result<Answer, RpcError> {
    let image = tool_result::take_image(&mut envelope);
    let is_about_files = tool_result::is_about_files(&envelope);
    let mut document = serde_json::to_value(envelope).map_err(|error| RpcError::Internal(error.to_string()))?;
    let links = if is_about_files { with_files::look_through(context, &mut document).await? } else { Vec::new() };
    Ok(tool_result::with_content(document, image.into_iter().chain(links), false).into())
}
