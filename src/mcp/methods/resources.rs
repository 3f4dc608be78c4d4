//! `resources/read` and `resources/list`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bus::wire::command::{Command, Reply};
use bus::wire::tables::{JOB_RESULT, RECEIVE_MESSAGES};
use files::wire::{Command as FilesCommand, File, Reply as FilesReply};
use serde_json::{Value, json};
use worker::console_error;

use crate::catalog::app;
use crate::catalog::resources::{self, ResourceError, ResourceRef};
use crate::file_store::access::Wants;
use crate::mcp::context::RequestContext;
use crate::mcp::methods::dispatch::{AnswerAs, Dispatched, dispatch};
use crate::mcp::methods::skills;
use crate::mcp::methods::with_files::{ask, look_through, shown, who};
use crate::mcp::wire::answer::{Answer, Caching};
use crate::mcp::wire::error::RpcError;

const MIME_TYPE: &str = "application/json";
/// A file with more bytes is not part of an answer.
const MAX_INLINE: i64 = 1024 * 1024;
/// The files that stand in the list of resources: the newest.
const LISTED: u32 = 50;

/// The list: what the catalog has, and the newest files.
///
/// # Errors
/// `RpcError` for a closed session, a revoked grant, or a cursor.
pub async fn list(context: &RequestContext) -> Result<Answer, RpcError> {
    if !matches!(context.request.params.get("cursor"), None | Some(Value::Null)) {
        return Err(RpcError::invalid_params("params.cursor is not one that this server gave out"));
    }
    let who = who(context, Wants::Read, None).await?;
    let mut listed: Vec<Value> = serde_json::from_str(resources::list().get()).unwrap_or_default();
    match ask(context, who, FilesCommand::List { after: None, limit: LISTED }).await {
        Ok(FilesReply::Files { files, .. }) => listed.extend(files.iter().map(listed_file)),
        Ok(other) => console_error!("mcp: files answered a list with {other:?}"),
        Err(error) => console_error!("mcp: {error}"),
    }
    Ok(Answer::from(json!({"resources": listed})).cached(Caching::Private))
}

fn listed_file(file: &File) -> Value {
    json!({
        "uri": ResourceRef::File { id: file.file_id.clone() }.uri(),
        "name": file.name,
        "title": file.name,
        "mimeType": file.mime_type,
        "size": file.bytes,
    })
}

/// The bytes of a file, or what is known of it where it has too many.
async fn file(context: &RequestContext, uri: &str, file_id: &str) -> Result<Answer, RpcError> {
    let who = who(context, Wants::Read, Some(file_id)).await?;
    let (file, base64) =
        match ask(context, who, FilesCommand::Read { file_id: file_id.to_owned(), at_most: MAX_INLINE }).await? {
            FilesReply::Read { file, base64 } => (file, base64),
            FilesReply::Refused(refusal) => {
                let error = ResourceError::Unknown { uri: refusal.to_string() };
                return Err(refused(context, uri, &error));
            }
            other => return Err(RpcError::Internal(format!("files answered a read with {other:?}"))),
        };
    let is_text =
        file.mime_type.starts_with("text/") || matches!(file.mime_type.as_str(), "application/json" | "image/svg+xml");
    let text = base64.as_ref().filter(|_| is_text);
    let text = text.and_then(|base64| String::from_utf8(STANDARD.decode(base64).ok()?).ok());
    let content = match (text, base64) {
        (Some(text), _) => json!({"uri": uri, "mimeType": file.mime_type, "text": text}),
        (None, Some(base64)) => json!({"uri": uri, "mimeType": file.mime_type, "blob": base64}),
        (None, None) => json!({"uri": uri, "mimeType": MIME_TYPE, "text": shown(context, &file).await?.to_string()}),
    };
    Ok(Answer::from(json!({"contents": [content]})).cached(Caching::Private))
}

async fn files(context: &RequestContext) -> Result<Value, RpcError> {
    let who = who(context, Wants::Read, None).await?;
    match ask(context, who, FilesCommand::List { after: None, limit: LISTED }).await? {
        FilesReply::Files { files, next } => {
            let mut listed = Vec::new();
            for file in &files {
                listed.push(shown(context, file).await?);
            }
            Ok(json!({"files": listed, "next": next}))
        }
        other => Err(RpcError::Internal(format!("files answered a list with {other:?}"))),
    }
}

/// Reads a resource, from the bus or from a Blender.
///
/// # Errors
/// For an unknown resource -32602 with `data.uri`, or -32002 up to revision 2025-11-25.
pub async fn read(context: &RequestContext) -> Result<Answer, RpcError> {
    let uri = context.request.text("uri")?;
    if let Some(answer) = skills::read(uri).or_else(|| shown_app(context, uri)) {
        if !context.is_modern() {
            context.ask(Command::UseSession).await?;
        }
        return Ok(answer);
    }
    let resource = ResourceRef::parse(uri).map_err(|error| refused(context, uri, &error))?;
    if let ResourceRef::File { id } = &resource {
        return file(context, uri, id).await;
    }
    let mut document = match resource.dispatch() {
        None if resource == ResourceRef::Files => files(context).await?,
        None => own(context, &resource).await?,
        Some(call) => match dispatch(context, call, AnswerAs::Resource).await? {
            Dispatched::Envelope(envelope) => {
                serde_json::to_value(&envelope).map_err(|error| RpcError::Internal(error.to_string()))?
            }
            Dispatched::Instead(answer) => return Ok(answer),
            Dispatched::Rejected(reason) => return Err(RpcError::invalid_params(reason)),
        },
    };
    if resource != ResourceRef::Files {
        look_through(context, &mut document).await?;
    }
    let contents = json!([{"uri": uri, "mimeType": MIME_TYPE, "text": document.to_string()}]);
    Ok(Answer::from(json!({"contents": contents})).cached(Caching::Private))
}

/// The page of the app, if the URI is its own. It is the same for every caller.
fn shown_app(context: &RequestContext, uri: &str) -> Option<Answer> {
    let page = || app::page(&context.caller.audience);
    let content = || json!({"uri": uri, "mimeType": app::MIME_TYPE, "text": page(), "_meta": app::needs()});
    (uri == app::URI).then(|| Answer::from(json!({"contents": [content()]})).cached(Caching::Catalog))
}

/// The document of a resource that the bus answers itself.
async fn own(context: &RequestContext, resource: &ResourceRef) -> Result<Value, RpcError> {
    let tool = |name: &str, arguments| Command::Tool { name: name.to_owned(), arguments };
    let command = match resource {
        ResourceRef::Clients => Command::Clients,
        ResourceRef::Stats => Command::Stats,
        ResourceRef::Job { id } => tool(JOB_RESULT, json!({"job_id": id})),
        ResourceRef::Inbox { uuid } => tool(RECEIVE_MESSAGES, json!({"client_uuid": uuid})),
        ResourceRef::SceneInfo
        | ResourceRef::SceneObjects
        | ResourceRef::Console { .. }
        | ResourceRef::Files
        | ResourceRef::File { .. } => {
            return Err(RpcError::Internal(format!("no command reads {}", resource.uri())));
        }
    };
    match context.ask(command).await? {
        Reply::Document { document } => Ok(document),
        Reply::Rejected { message } => Err(RpcError::invalid_params(message)),
        other => Err(RpcError::Internal(format!("the bus answered a read with {other:?}"))),
    }
}

fn refused(context: &RequestContext, uri: &str, error: &ResourceError) -> RpcError {
    match error {
        ResourceError::Unknown { .. } if !context.is_modern() => RpcError::ResourceNotFound { uri: uri.to_owned() },
        error => RpcError::InvalidParams { message: error.to_string(), data: Some(json!({"uri": uri})) },
    }
}
