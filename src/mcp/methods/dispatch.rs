//! A command in a Blender, whether a tool or a resource asks for it.

use bus_core::command::{Command, Reply};
use bus_core::envelope::Envelope;
use serde_json::Value;

use crate::catalog::tools::DispatchCall;
use crate::mcp::answer::Answer;
use crate::mcp::context::RequestContext;
use crate::mcp::error::RpcError;
use crate::mcp::methods::tasks;
use crate::mcp::methods::which_blender::{self, Choice};
use crate::objects::bus::BusAnswer;

/// What a command's answer becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerAs {
    /// The result of a tool; of a task, if it takes long and the client knows tasks.
    Tool,
    /// The contents of a resource.
    Resource,
}

/// What a dispatch came to.
pub enum Dispatched {
    Envelope(Envelope),
    /// The request is answered with something else: a question, a task, or what the bus has written.
    Instead(Answer),
    /// The bus takes no more. For the caller's eyes.
    Rejected(String),
}

/// Sends a checked call to a Blender and waits for the answer.
///
/// # Errors
/// `RpcError` for what the bus refuses as a whole, and -32602 for a question's answer that is none.
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
    // At most 3,600 seconds: far from any limit of the type.
    #[allow(clippy::cast_possible_truncation)]
    let timeout_ms = (call.timeout_seconds * 1_000.0).ceil() as i64;
    Command::Dispatch {
        command: call.command.to_owned(),
        params: Value::Object(call.params),
        target_uuid: call.target_uuid,
        timeout_ms,
        request_key: Some(context.request_key.clone()),
        in_lines: context.reports.is_some(),
        task_after_ms: (is_tool && context.knows_tasks()).then_some(tasks::AFTER_MS),
        frame: (is_tool && context.bus_may_write_response)
            .then(|| Answer::default().frame(&context.request.id, context.is_modern())),
    }
}
