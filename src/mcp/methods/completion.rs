//! `completion/complete`.

use bus::wire::command::{Command, Reply};
use bus::wire::tables::LIST_JOBS;
use serde_json::{Value, json};

use crate::catalog::completion::{self, Dynamic, Reference};
use crate::mcp::context::RequestContext;
use crate::mcp::wire::answer::Answer;
use crate::mcp::wire::error::RpcError;

/// The most values in one answer (MCP, "Completion").
const MAX_VALUES: usize = 100;

/// # Errors
/// -32602 when `ref` or `argument` does not have the form that MCP defines.
pub async fn complete(context: &RequestContext) -> Result<Answer, RpcError> {
    let params = &context.request.params;
    let text = |object: &str, field: &str| {
        let value = params.get(object).and_then(|object| object.get(field)).and_then(Value::as_str);
        value.ok_or_else(|| RpcError::invalid_params(format!("params.{object}.{field} must be a string")))
    };
    let reference = match text("ref", "type")? {
        "ref/prompt" => Reference::Prompt(text("ref", "name")?),
        "ref/resource" => Reference::Template(text("ref", "uri")?),
        _ => return Err(RpcError::invalid_params("params.ref.type must be ref/prompt or ref/resource")),
    };
    let typed = text("argument", "value")?;
    let known = completion::complete(reference, text("argument", "name")?, typed);
    let mut values: Vec<String> = known.values.into_iter().map(str::to_owned).collect();
    if let Some(dynamic) = known.dynamic {
        values.extend(dynamic_values(context, dynamic).await?.into_iter().filter(|value| value.starts_with(typed)));
    }
    let total = values.len();
    values.truncate(MAX_VALUES);
    let completion = json!({"values": values, "total": total, "hasMore": total > MAX_VALUES});
    Ok(Answer::from(json!({"completion": completion})))
}

/// Values that only the bus knows.
async fn dynamic_values(context: &RequestContext, dynamic: Dynamic) -> Result<Vec<String>, RpcError> {
    let command = match dynamic {
        Dynamic::ClientUuids | Dynamic::Targets => Command::Clients,
        Dynamic::JobIds => Command::Tool { name: LIST_JOBS.to_owned(), arguments: json!({"limit": MAX_VALUES}) },
    };
    let Reply::Document { document } = context.ask(command).await? else { return Ok(Vec::new()) };
    let listed = |key: &str| document.get(key).and_then(Value::as_array).into_iter().flatten();
    let texts = |values: Vec<&Value>, field: &str| -> Vec<String> {
        values.iter().filter_map(|value| value.get(field)?.as_str()).map(str::to_owned).collect()
    };
    // One that is away would be a target that does not answer.
    let is_connected = |client: &&Value| client.get("connected").and_then(Value::as_bool) == Some(true);
    let clients: Vec<&Value> = listed("persistent").chain(listed("ephemeral")).filter(is_connected).collect();
    Ok(match dynamic {
        Dynamic::JobIds => texts(listed("jobs").collect(), "job_id"),
        Dynamic::ClientUuids => texts(clients, "uuid"),
        Dynamic::Targets => {
            let mut groups = texts(clients.clone(), "group_id");
            groups.sort();
            groups.dedup();
            let uuids = texts(clients, "uuid").into_iter().map(|uuid| format!("uuid:{uuid}"));
            uuids.chain(groups.into_iter().map(|group| format!("group:{group}"))).collect()
        }
    })
}
