//! A command in a Blender, whether a tool or a resource asks for it.
use bus::wire::command::{Command, Reply};
use bus::wire::envelope::Envelope;
use serde_json::Value;

use crate::catalog::tools::DispatchCall;
use crate::mcp::answer::Answer;
use crate::mcp::asked::Asked;
use crate::mcp::error::RpcError;
use crate::mcp::methods::tasks;
use crate::mcp::methods::which_blender::{self, Choice};
use crate::objects::bus::Heard;

/// What a command's answer becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
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
pub async fn dispatch(asked: &Asked, mut call: DispatchCall, answers: Answers) -> Result<Dispatched, RpcError> {
    let choice = which_blender::choice(asked).await?;
    if let Some(envelope) = which_blender::not_chosen(&choice, call.command) {
        return Ok(Dispatched::Envelope(envelope));
    }
    if let Choice::Target(target_uuid) = choice {
        call.target_uuid = Some(target_uuid);
    }
    let reply = match asked.hear(command(asked, call, answers)).await? {
        Heard::Finished(written) => return Ok(Dispatched::Instead(Answer::of_bus(written))),
        Heard::Reply(reply) => reply,
    };
    match reply {
        Reply::Envelope { envelope } => Ok(match which_blender::question(asked, envelope.ambiguous()).await? {
            Some(question) => Dispatched::Instead(question),
            None => Dispatched::Envelope(*envelope),
        }),
        Reply::Task { task: Some(task) } => Ok(Dispatched::Instead(tasks::created(task))),
        Reply::Rejected { message } => Ok(Dispatched::Rejected(message)),
        other => Err(RpcError::Internal(format!("the bus answered a dispatch with {other:?}"))),
    }
}

fn command(asked: &Asked, call: DispatchCall, answers: Answers) -> Command {
    let is_tool = answers == Answers::Tool;
    // At most 3,600 seconds: far from any limit of the type.
    #[allow(clippy::cast_possible_truncation)]
    let timeout_ms = (call.timeout_seconds * 1_000.0).ceil() as i64;
    Command::Dispatch {
        command: call.command.to_owned(),
        params: Value::Object(call.params),
        target_uuid: call.target_uuid,
        timeout_ms,
        request_key: Some(asked.request_key.clone()),
        in_lines: asked.reports.is_some(),
        task_after_ms: (is_tool && asked.knows_tasks()).then_some(tasks::AFTER_MS),
        frame: (is_tool && asked.alone).then(|| Answer::default().frame(&asked.request.id, asked.is_modern())),
    }
}
