//! Runs a command in a Blender, for a tool or a resource.

use bus::wire::command::{Command, Reply};
use bus::wire::envelope::Envelope;
use serde_json::Value;

use crate::catalog::tools::DispatchCall;
use crate::mcp::context::RequestContext;
use crate::mcp::methods::tasks;
use crate::mcp::methods::which_blender::{self, Choice};
use crate::mcp::wire::answer::Answer;
use crate::mcp::wire::error::RpcError;
use crate::objects::bus::BusAnswer;

/// What the result of a command is turned into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerAs {
    /// A tool result, or a task if it takes long and the client knows tasks.
    Tool,
    /// The contents of a resource.
    Resource,
}

/// The outcome of a dispatch.
pub enum Dispatched {
    Envelope(Envelope),
    /// The request already has its answer: a question, a task, or a response that the bus has written.
    Instead(Answer),
    /// The bus accepts no more jobs. The text is for the caller.
    Rejected(String),
}

/// Sends a validated call to a Blender and waits for the result.
///
/// # Errors
/// `RpcError` for a closed session, a revoked grant or a failure of the bus; -32602 for a malformed elicitation
/// response.
pub async fn dispatch(
    context: &RequestContext,
    mut call: DispatchCall,
    answers: AnswerAs,
) -> Result<Dispatched, RpcError> {
    let choice = which_blender::choice(context).await?;
    if let Some(envelope) = which_blender::not_chosen(&choice, call.command) {
        return Ok(Dispatched::Envelope(envelope));
    }
    if let Choice::Target(target_uuid) = choice {
        call.target_uuid = Some(target_uuid);
    }
    let reply = match context.ask_with_frame(command(context, call, answers)).await? {
        BusAnswer::Response(written) => return Ok(Dispatched::Instead(Answer::of_bus(written))),
        BusAnswer::Reply(reply) => reply,
    };
    match reply {
        Reply::Envelope { envelope } => Ok(match which_blender::question(context, envelope.ambiguous()).await? {
            Some(question) => Dispatched::Instead(question),
            None => Dispatched::Envelope(*envelope),
        }),
        Reply::Task { task: Some(task) } => Ok(Dispatched::Instead(tasks::created(task))),
        Reply::Rejected { message } => Ok(Dispatched::Rejected(message)),
        other => Err(RpcError::Internal(format!("the bus answered a dispatch with {other:?}"))),
    }
}

fn command(context: &RequestContext, call: DispatchCall, answers: AnswerAs) -> Command {
    let is_tool = answers == AnswerAs::Tool;
    // At most 3,600 seconds, so the cast cannot overflow.
    #[allow(clippy::cast_possible_truncation)]
    let timeout_ms = (call.timeout_seconds * 1_000.0).ceil() as i64;
    Command::Dispatch {
        command: call.command.to_owned(),
        params: Value::Object(call.params),
        target_uuid: call.target_uuid,
        timeout_ms,
        or_busy: !call.wait_if_busy,
        request_key: Some(context.request_key.clone()),
        in_lines: context.reports.is_some(),
        task_after_ms: (is_tool && context.knows_tasks()).then_some(tasks::AFTER_MS),
        frame: (is_tool && context.bus_may_write_response)
            .then(|| Answer::default().frame(&context.request.id, context.is_modern())),
    }
}
