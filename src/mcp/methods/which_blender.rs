//! Asks the user which Blender a call is for, if several could take it and the client can show forms. The result of the
//! call is then a question (a multi-round-trip request of 2026-07-28), and the client repeats the call with the user's
//! answer.
//!
//! Nothing is stored between the two. `requestState` is signed over the user, the grant, the request and an expiry
//! time, so it is valid only for the same user and call.

use bus::wire::command::{Command, Reply};
use bus::wire::envelope::{Envelope, Status};
use bus::wire::tool_parameters::MAX_ID;
use futures_util::FutureExt;
use runtime::now_ms;
use serde_json::{Map, Value, json};

use crate::mcp::context::RequestContext;
use crate::mcp::wire::answer::{Answer, ResultType};
use crate::mcp::wire::error::RpcError;
use crate::seal::{self, StateCheck};

/// How long the user may take to answer, in milliseconds.
const GOOD_FOR_MS: i64 = 10 * 60 * 1_000;
/// The key of the question in `inputRequests`, and of its only field.
const QUESTION: &str = "which_blender";
const FIELD: &str = "target_uuid";
/// The parameters that must be the same when the request is repeated.
const SEALED: [&str; 3] = ["name", "arguments", "uri"];

/// The user's answer.
#[derive(Debug, PartialEq)]
pub enum Choice {
    /// None yet: a first request, or one without the answer.
    Open,
    Target(String),
    Declined,
    Dismissed,
}

/// The answer that a request carries.
///
/// # Errors
/// -32602 for a `requestState` that is foreign, made for another request or user, or expired, and for a malformed
/// answer.
pub async fn choice(context: &RequestContext) -> Result<Choice, RpcError> {
    let params = &context.request.params;
    let state = match params.get("requestState") {
        None | Some(Value::Null) => return Ok(Choice::Open),
        Some(state) => {
            state.as_str().ok_or_else(|| RpcError::invalid_params("params.requestState must be a string"))?
        }
    };
    answered(context, state).boxed_local().await
}

async fn answered(context: &RequestContext, state: &str) -> Result<Choice, RpcError> {
    let refused = |reason| Err(RpcError::invalid_params(format!("params.requestState {reason}")));
    match seal::check(&context.env, &bound_parts(context), state, now_ms()).await {
        Ok(StateCheck::Valid) => {}
        Ok(StateCheck::Foreign) => return refused("is not one that this server gave for this request and user"),
        Ok(StateCheck::Expired) => return refused("has expired: call again without it"),
        Err(error) => return Err(RpcError::Internal(error.to_string())),
    }
    match context.request.params.get("inputResponses").and_then(|responses| responses.get(QUESTION)) {
        None => Ok(Choice::Open),
        Some(response) => said(response),
    }
}

fn said(response: &Value) -> Result<Choice, RpcError> {
    match response.get("action").and_then(Value::as_str) {
        Some("accept") => {
            match response.get("content").and_then(|content| content.get(FIELD)).and_then(Value::as_str) {
                Some(target) if target.len() <= MAX_ID => Ok(Choice::Target(target.to_owned())),
                Some(_) => Err(RpcError::invalid_params(format!("{FIELD} must have at most {MAX_ID} characters"))),
                None => Ok(Choice::Open),
            }
        }
        Some("decline") => Ok(Choice::Declined),
        Some("cancel") => Ok(Choice::Dismissed),
        _ => {
            let expected = "accept, decline or cancel";
            Err(RpcError::invalid_params(format!("params.inputResponses.{QUESTION}.action must be {expected}")))
        }
    }
}

/// The envelope of a call that the user cancelled, if they did.
pub fn not_chosen(choice: &Choice, command: &str) -> Option<Envelope> {
    let hint = match choice {
        Choice::Declined => "The user was asked which Blender to use and declined: nothing was run. Do not ask again.",
        Choice::Dismissed => "The user closed the question which Blender to use: nothing was run.",
        Choice::Open | Choice::Target(_) => return None,
    };
    Some(Envelope::new(Status::Cancelled, command).hint(hint))
}

/// The question which of the candidates to use, or `None` if there are none or the client cannot show forms.
///
/// # Errors
/// `RpcError` for a closed session, a revoked grant or a failure of the bus.
pub async fn question(context: &RequestContext, candidates: Option<&[String]>) -> Result<Option<Answer>, RpcError> {
    let shows_forms = context.client().is_some_and(|client| client.shows_forms);
    match candidates.filter(|_| shows_forms) {
        Some(candidates) => form(context, candidates).boxed_local().await.map(Some),
        None => Ok(None),
    }
}

async fn form(context: &RequestContext, candidates: &[String]) -> Result<Answer, RpcError> {
    let clients = match context.ask(Command::Clients).await? {
        Reply::Document { document } => document,
        other => return Err(RpcError::Internal(format!("the bus listed clients with {other:?}"))),
    };
    let choices: Vec<Value> =
        candidates.iter().map(|uuid| json!({"const": uuid, "title": title(uuid, &clients)})).collect();
    let field = json!({"type": "string", "title": "Blender", "oneOf": choices, "default": candidates.first()});
    let form = json!({
        "mode": "form",
        "message": format!("{} Blenders are connected. Which one should be used?", candidates.len()),
        "requestedSchema": {"type": "object", "properties": {FIELD: field}, "required": [FIELD]},
    });
    let until_ms = now_ms().saturating_add(GOOD_FOR_MS);
    let state = seal::seal(&context.env, &bound_parts(context), until_ms).await;
    let fields = json!({
        "inputRequests": {QUESTION: {"method": "elicitation/create", "params": form}},
        "requestState": state.map_err(|error| RpcError::Internal(error.to_string()))?,
    });
    Ok(Answer::from(fields).of_type(ResultType::InputRequired))
}

/// How a Blender is named to a person: its open file, its version, and its uuid.
fn title(uuid: &str, clients: &Value) -> String {
    let listed = |bucket: &str| clients.get(bucket).and_then(Value::as_array).into_iter().flatten();
    let is_it = |client: &&Value| client.get("uuid").and_then(Value::as_str) == Some(uuid);
    let client = listed("persistent").chain(listed("ephemeral")).find(is_it);
    let capabilities = client.and_then(|client| client.get("capabilities")).and_then(Value::as_array);
    let says = |prefix: &str| {
        capabilities.into_iter().flatten().filter_map(Value::as_str).find_map(|word| word.strip_prefix(prefix))
    };
    let file = says("file:").unwrap_or("unsaved file");
    match says("blender:") {
        Some(version) => format!("{file} in Blender {version} ({uuid})"),
        None => format!("{file} ({uuid})"),
    }
}

/// What a `requestState` is valid for.
fn bound_parts(context: &RequestContext) -> Vec<String> {
    let mut parts =
        vec![context.caller.user_id.clone(), context.caller.grant_id.clone(), context.request.method.clone()];
    let params = &context.request.params;
    parts.extend(
        SEALED.iter().map(|name| params.get(*name).map_or_else(String::new, |value| sorted(value).to_string())),
    );
    parts
}

/// The value with sorted object keys: a client may order them differently when it repeats the request.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(Map::from_iter(fields))
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Choice, said, sorted, title};

    #[test]
    fn a_blender_is_called_by_its_file_and_version() {
        let facts = ["job_ack", "blender:4.2.1", "window", "file:house.blend"];
        let clients =
            json!({"persistent": [{"uuid": "b1", "capabilities": facts}, {"uuid": "b2", "capabilities": []}]});
        assert_eq!(title("b1", &clients), "house.blend in Blender 4.2.1 (b1)");
        assert_eq!(title("b2", &clients), "unsaved file (b2)");
    }

    #[test]
    fn the_order_of_keys_does_not_matter_and_that_of_lists_does() {
        let one = sorted(&json!({"b": [{"y": 1, "x": 2}, 3], "a": null})).to_string();
        assert_eq!(one, sorted(&json!({"a": null, "b": [{"x": 2, "y": 1}, 3]})).to_string());
        assert_ne!(one, sorted(&json!({"a": null, "b": [3, {"x": 2, "y": 1}]})).to_string());
    }

    #[test]
    fn an_answer_chooses_declines_or_says_nothing() {
        let target = json!({"action": "accept", "content": {"target_uuid": "b1"}});
        assert_eq!(said(&target).unwrap(), Choice::Target("b1".to_owned()));
        assert_eq!(said(&json!({"action": "accept", "content": {}})).unwrap(), Choice::Open);
        assert_eq!(said(&json!({"action": "decline"})).unwrap(), Choice::Declined);
        assert_eq!(said(&json!({"action": "cancel"})).unwrap(), Choice::Dismissed);
        for nonsense in [json!(null), json!({"action": "perhaps"}), json!({"action": 1}), json!([])] {
            assert_eq!(said(&nonsense).unwrap_err().code(), -32602, "{nonsense}");
        }
    }
}
