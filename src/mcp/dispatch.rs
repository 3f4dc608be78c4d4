//! A command in a Blender, whether a tool or a resource asks for it.

use bus_core::command::{Command, Reply};
use bus_core::envelope::Envelope;
use serde_json::Value;

use crate::catalog::tools::DispatchCall;
use crate::mcp::error::RpcError;
use crate::mcp::methods::{Answer, Asked};
use crate::mcp::tasks;
use crate::mcp::which_blender::{self, Choice};

/// What a dispatch came to.
pub enum Dispatched {
    Envelope(Envelope),
    /// The request is answered with something else: a question, or a task.
    Instead(Answer),
    /// The bus takes no more. For the caller's eyes.
    Rejected(String),
}

/// Sends a checked call to a Blender and waits for the answer, for at most `task_after_ms` where that is given.
///
/// # Errors
/// `RpcError` for what the bus refuses as a whole, and -32602 for a question's answer that is none.
pub async fn dispatch(
    asked: &Asked,
    mut call: DispatchCall,
    task_after_ms: Option<i64>,
) -> Result<Dispatched, RpcError> {
    let choice = which_blender::choice(asked).await?;
    if let Some(envelope) = which_blender::not_chosen(&choice, call.command) {
        return Ok(Dispatched::Envelope(envelope));
    }
    if let Choice::Target(target_uuid) = choice {
        call.target_uuid = Some(target_uuid);
    }
    match asked.ask(command(asked, call, task_after_ms)).await? {
        Reply::Envelope { envelope } => Ok(match which_blender::question(asked, envelope.ambiguous()).await? {
            Some(question) => Dispatched::Instead(question),
            None => Dispatched::Envelope(*envelope),
        }),
        Reply::Task { task: Some(task) } => Ok(Dispatched::Instead(tasks::created(task))),
        Reply::Rejected { message } => Ok(Dispatched::Rejected(message)),
        other => Err(RpcError::Internal(format!("the bus answered a dispatch with {other:?}"))),
    }
}

fn command(asked: &Asked, call: DispatchCall, task_after_ms: Option<i64>) -> Command {
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
        task_after_ms,
    }
}
