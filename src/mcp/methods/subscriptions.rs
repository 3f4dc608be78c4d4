//! Subscriptions to changes: `subscriptions/listen` (2026-07-28), `resources/subscribe` and `resources/unsubscribe`
//! (earlier revisions).

use bus::wire::command::{Command, Reply};
use bus::wire::rights;
use bus::wire::tool_parameters::MAX_ID;
use bus::wire::topics::{Listener, Subscription, Topic};
use serde_json::{Map, Value, json};
use worker::WebSocket;

use crate::catalog::resources::{ResourceError, ResourceRef};
use crate::catalog::skills;
use crate::mcp::context::RequestContext;
use crate::mcp::methods::tasks;
use crate::mcp::wire::answer::Answer;
use crate::mcp::wire::error::RpcError;
use crate::objects::bus::Opened;

/// The most resources of one stream.
const MAX_URIS: usize = 64;
/// The most tasks of one stream.
const MAX_TASKS: usize = 64;
/// The longest URI that can be subscribed to, in bytes.
const MAX_URI: usize = 512;
/// The longest description of one stream, in bytes: it must fit into the attachment of a socket.
const MAX_LISTENER: usize = 12 * 1024;

/// An open stream of changes, with its first and last message.
pub struct Listening {
    pub socket: WebSocket,
    pub acknowledgement: String,
    pub completion: String,
}

/// Opens the stream of `subscriptions/listen`. The acknowledgement leaves out what cannot be subscribed to. That
/// includes list changes, since the catalogs change only with a deploy.
///
/// # Errors
/// -32602 for a malformed or too large filter.
pub async fn listen(context: &RequestContext) -> Result<Listening, RpcError> {
    context.need(rights::of_method(&context.request.method))?;
    let id = &context.request.id;
    let subscriptions = wanted(context)?;
    let uris: Vec<&str> = subscriptions.iter().map(|subscription| subscription.uri.as_str()).collect();
    let meta = format!("{{\"io.modelcontextprotocol/subscriptionId\":{id}}}");
    let task_ids = wanted_tasks(context)?;
    let mut agreed = Map::new();
    if !uris.is_empty() {
        agreed.insert("resourceSubscriptions".to_owned(), json!(uris));
    }
    if !task_ids.is_empty() {
        agreed.insert("taskIds".to_owned(), json!(task_ids));
    }
    let acknowledgement = format!(
        "{{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\
         \"params\":{{\"_meta\":{meta},\"notifications\":{}}}}}",
        Value::Object(agreed)
    );
    let completion =
        format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"resultType\":\"complete\",\"_meta\":{meta}}}}}");
    let listener = Listener {
        subscription_id: id.value(),
        subscriptions,
        task_ids,
        bound: context.caller.scopes.bound.clone(),
        guest: None,
    };
    let text = serde_json::to_string(&listener).map_err(|error| RpcError::Internal(error.to_string()))?;
    if text.len() > MAX_LISTENER {
        return Err(RpcError::invalid_params("params.notifications is too long in all"));
    }
    match context.bus.open_listener(&context.caller, &text).await {
        Ok(Opened::Socket(socket)) => Ok(Listening { socket, acknowledgement, completion }),
        Ok(Opened::Refused(Reply::Revoked)) => Err(RpcError::Unauthenticated),
        Ok(Opened::Refused(Reply::Rejected { message })) => Err(RpcError::TooMany(message)),
        Ok(Opened::Refused(reply)) => Err(RpcError::Internal(format!("open listener: {reply:?}"))),
        Err(error) => Err(RpcError::failed(&error)),
    }
}

fn wanted(context: &RequestContext) -> Result<Vec<Subscription>, RpcError> {
    let uris = filtered(context, "resourceSubscriptions", MAX_URIS)?;
    Ok(uris.into_iter().filter_map(|uri| subscription(uri).ok().flatten()).collect())
}

/// # Errors
/// -32021 if the client asks for tasks but does not declare the extension.
fn wanted_tasks(context: &RequestContext) -> Result<Vec<String>, RpcError> {
    let task_ids = filtered(context, "taskIds", MAX_TASKS)?;
    if !task_ids.is_empty() {
        tasks::need(context)?;
    }
    Ok(task_ids.into_iter().filter(|id| !id.is_empty() && id.len() <= MAX_ID).map(str::to_owned).collect())
}

/// The strings of one list in the filter of `subscriptions/listen`.
fn filtered<'a>(context: &'a RequestContext, name: &str, limit: usize) -> Result<Vec<&'a str>, RpcError> {
    let filter = context.request.params.get("notifications").and_then(Value::as_object);
    let filter = filter.ok_or_else(|| RpcError::invalid_params("params.notifications must be an object"))?;
    match filter.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(texts)) if texts.len() <= limit => Ok(texts.iter().filter_map(Value::as_str).collect()),
        Some(_) => {
            let expected = format!("an array of at most {limit} strings");
            Err(RpcError::invalid_params(format!("params.notifications.{name} must be {expected}")))
        }
    }
}

/// `resources/subscribe` and `resources/unsubscribe`, within a session.
///
/// # Errors
/// -32002 for an unknown resource, -32602 for one that cannot be subscribed to.
pub async fn subscribe(context: &RequestContext, on: bool) -> Result<Answer, RpcError> {
    let uri = context.request.text("uri")?;
    let subscription = match subscription(uri) {
        Ok(Some(subscription)) => subscription,
        Ok(None) => return Err(RpcError::invalid_params(format!("{uri} cannot be subscribed to"))),
        Err(ResourceError::Unknown { .. }) => return Err(RpcError::ResourceNotFound { uri: uri.to_owned() }),
        Err(error) => return Err(RpcError::invalid_params(error.to_string())),
    };
    let command =
        if on { Command::Subscribe { subscription } } else { Command::Unsubscribe { topic: subscription.topic } };
    match context.ask(command).await? {
        Reply::Rejected { message } => Err(RpcError::invalid_params(message)),
        _ => Ok(Answer::default()),
    }
}

/// The subscription for a URI, or `None` if the resource does not change by itself.
fn subscription(uri: &str) -> Result<Option<Subscription>, ResourceError> {
    if uri.len() > MAX_URI {
        return Ok(None);
    }
    if skills::file(uri).is_some() {
        return Ok(None); // it never changes
    }
    let topic = match ResourceRef::parse(uri)? {
        ResourceRef::Clients => Topic::Clients,
        ResourceRef::Stats => Topic::Stats,
        ResourceRef::Job { id } => Topic::Job(id),
        ResourceRef::Inbox { uuid } => Topic::Inbox(uuid),
        ResourceRef::Files => Topic::Files,
        ResourceRef::File { id } => Topic::File(id),
        ResourceRef::SceneInfo | ResourceRef::SceneObjects | ResourceRef::Console { .. } => return Ok(None),
    };
    Ok(Some(Subscription { topic, uri: uri.to_owned() }))
}
