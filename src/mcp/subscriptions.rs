//! Hearing of changes: `subscriptions/listen` (2026-07-28), `resources/subscribe` and `resources/unsubscribe` (before).

use bus_core::command::{Command, Reply};
use bus_core::scopes::Scopes;
use bus_core::subscriptions::{Listener, Subscription, Topic};
use serde_json::{Value, json};
use worker::WebSocket;

use crate::catalog::resources::{ResourceError, ResourceRef};
use crate::mcp::error::RpcError;
use crate::mcp::methods::{Answer, Asked};

/// Resources one stream may listen to.
const MAX_URIS: usize = 64;
/// The longest URI that can be listened to, in bytes.
const MAX_URI: usize = 512;
/// What one stream may listen to in all, in bytes: it must fit on a socket.
const MAX_LISTENER: usize = 12 * 1024;

/// A stream of changes, with its first and its last message.
pub struct Listening {
    pub socket: WebSocket,
    pub acknowledgement: Value,
    pub completion: Value,
}

/// Opens the stream of `subscriptions/listen`. What cannot be listened to is left out of the acknowledgement; the catalogs
/// change only with a deploy, so list changes are.
///
/// # Errors
/// -32602 for a filter that is malformed or too large.
pub async fn listen(asked: &Asked) -> Result<Listening, RpcError> {
    asked.need(Scopes::BUS_READ)?;
    let id = &asked.request.id;
    let subscriptions = wanted(asked)?;
    let uris: Vec<&str> = subscriptions.iter().map(|subscription| subscription.uri.as_str()).collect();
    let meta = json!({"io.modelcontextprotocol/subscriptionId": id});
    let agreed = if uris.is_empty() { json!({}) } else { json!({"resourceSubscriptions": uris}) };
    let acknowledgement = json!({
        "jsonrpc": "2.0",
        "method": "notifications/subscriptions/acknowledged",
        "params": {"_meta": meta, "notifications": agreed},
    });
    let completion = json!({"jsonrpc": "2.0", "id": id, "result": {"resultType": "complete", "_meta": meta}});
    let listener = Listener { subscription_id: id.clone(), subscriptions };
    let text = serde_json::to_string(&listener).map_err(|error| RpcError::Internal(error.to_string()))?;
    if text.len() > MAX_LISTENER {
        return Err(RpcError::invalid_params("params.notifications.resourceSubscriptions is too long in all"));
    }
    match asked.bus.open_listener(&asked.caller, &text).await {
        Ok(Ok(socket)) => Ok(Listening { socket, acknowledgement, completion }),
        Ok(Err(Reply::Revoked)) => Err(RpcError::Unauthenticated),
        Ok(Err(reply)) => Err(RpcError::Internal(format!("open listener: {reply:?}"))),
        Err(error) => Err(RpcError::Internal(error.to_string())),
    }
}

fn wanted(asked: &Asked) -> Result<Vec<Subscription>, RpcError> {
    let filter = asked.request.params.get("notifications").and_then(Value::as_object);
    let filter = filter.ok_or_else(|| RpcError::invalid_params("params.notifications must be an object"))?;
    let uris = match filter.get("resourceSubscriptions") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(uris)) if uris.len() <= MAX_URIS => uris,
        Some(_) => {
            let expected = format!("an array of at most {MAX_URIS} URIs");
            return Err(RpcError::invalid_params(format!(
                "params.notifications.resourceSubscriptions must be {expected}"
            )));
        }
    };
    Ok(uris.iter().filter_map(Value::as_str).filter_map(|uri| subscription(uri).ok().flatten()).collect())
}

/// `resources/subscribe` and `resources/unsubscribe`, within a session.
///
/// # Errors
/// -32002 for an unknown resource, -32602 for one that cannot be subscribed to.
pub async fn subscribe(asked: &Asked, on: bool) -> Result<Answer, RpcError> {
    let uri = asked.request.text("uri")?;
    let subscription = match subscription(uri) {
        Ok(Some(subscription)) => subscription,
        Ok(None) => return Err(RpcError::invalid_params(format!("{uri} cannot be subscribed to"))),
        Err(ResourceError::Unknown { .. }) => return Err(RpcError::ResourceNotFound { uri: uri.to_owned() }),
        Err(error) => return Err(RpcError::invalid_params(error.to_string())),
    };
    let command =
        if on { Command::Subscribe { subscription } } else { Command::Unsubscribe { topic: subscription.topic } };
    match asked.ask(command).await? {
        Reply::Rejected { message } => Err(RpcError::invalid_params(message)),
        _ => Ok(Answer::default()),
    }
}

/// What to hear of for a URI; none where the resource does not change by itself.
fn subscription(uri: &str) -> Result<Option<Subscription>, ResourceError> {
    if uri.len() > MAX_URI {
        return Ok(None);
    }
    let topic = match ResourceRef::parse(uri)? {
        ResourceRef::Clients => Topic::Clients,
        ResourceRef::Stats => Topic::Stats,
        ResourceRef::Job { id } => Topic::Job(id),
        ResourceRef::Inbox { uuid } => Topic::Inbox(uuid),
        ResourceRef::SceneInfo | ResourceRef::SceneObjects | ResourceRef::Console { .. } => return Ok(None),
    };
    Ok(Some(Subscription { topic, uri: uri.to_owned() }))
}
