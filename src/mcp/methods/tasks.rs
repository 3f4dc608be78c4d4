//! The extension `io.modelcontextprotocol/tasks`: `tasks/get`, `tasks/update`, `tasks/cancel`, and calls that become
//! tasks. Every job of the user is a task with the job's id.

use bus::wire::command::{Command, Reply};
use serde_json::Value;

use crate::mcp::context::RequestContext;
use crate::mcp::era::TASKS;
use crate::mcp::methods::with_files;
use crate::mcp::wire::answer::{Answer, ResultType};
use crate::mcp::wire::error::RpcError;

/// A call that takes longer becomes a task, if the client knows tasks. Milliseconds.
pub const AFTER_MS: i64 = 10_000;

/// # Errors
/// -32021 if the client does not declare the extension.
pub fn need(context: &RequestContext) -> Result<(), RpcError> {
    if context.knows_tasks() { Ok(()) } else { Err(RpcError::MissingCapability { extension: TASKS }) }
}

/// # Errors
/// -32602 for an unknown or deleted task.
pub async fn get(context: &RequestContext) -> Result<Answer, RpcError> {
    need(context)?;
    let mut task = ask(context, |task_id| Command::Task { task_id }).await?;
    if let Some(result) = task.get_mut("result").and_then(Value::as_object_mut)
        && let Some(mut document) = result.remove("structuredContent")
    {
        let links = with_files::look_through(context, &mut document).await?;
        if let Some(content) = result.get_mut("content").and_then(Value::as_array_mut) {
            if let Some(text) = content.first_mut().and_then(Value::as_object_mut) {
                text.insert("text".to_owned(), Value::from(document.to_string()));
            }
            content.extend(links);
        }
        result.insert("structuredContent".to_owned(), document);
    }
    Ok(Answer::from(task))
}

/// Accepts and ignores input: tasks of this server never ask for any.
///
/// # Errors
/// As `get`, and -32602 if `inputResponses` is not an object.
pub async fn update(context: &RequestContext) -> Result<Answer, RpcError> {
    need(context)?;
    if !context.request.params.get("inputResponses").is_some_and(Value::is_object) {
        return Err(RpcError::invalid_params("params.inputResponses must be an object"));
    }
    ask(context, |task_id| Command::Task { task_id }).await.map(|_| Answer::default())
}

/// # Errors
/// As `get`.
pub async fn cancel(context: &RequestContext) -> Result<Answer, RpcError> {
    need(context)?;
    ask(context, |task_id| Command::CancelTask { task_id }).await.map(|_| Answer::default())
}

async fn ask(context: &RequestContext, command: impl FnOnce(String) -> Command) -> Result<Value, RpcError> {
    let task_id = context.request.text("taskId")?.to_owned();
    let task = match context.ask(command(task_id.clone())).await? {
        Reply::Task { task } => task,
        other => return Err(RpcError::Internal(format!("the bus answered for a task with {other:?}"))),
    };
    task.ok_or_else(|| {
        RpcError::invalid_params(format!("there is no task {task_id:?}; tasks are kept for 24 hours after they began"))
    })
}

/// The result of a call that started a job as a task.
///
/// # Errors
/// `RpcError` for a closed session, a revoked grant or a failure of the bus.
pub async fn created_for(context: &RequestContext, job_id: &str) -> Result<Answer, RpcError> {
    match context.ask(Command::Task { task_id: job_id.to_owned() }).await? {
        Reply::Task { task: Some(task) } => Ok(created(task)),
        other => Err(RpcError::Internal(format!("the bus answered for a new task with {other:?}"))),
    }
}

/// A task as the result of a call. Its own result is left out, since `tasks/get` returns it.
pub fn created(mut task: Value) -> Answer {
    if let Some(fields) = task.as_object_mut() {
        fields.remove("result");
    }
    Answer::from(task).of_type(ResultType::Task)
}
