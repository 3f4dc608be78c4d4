//! `skills/list`, `skills/get` and `resources/directory/read` (SEP-2640), and reading a file of a skill.

use serde_json::{Value, json};

use crate::catalog::skills;
use crate::mcp::context::RequestContext;
use crate::mcp::wire::answer::{Answer, Caching};
use crate::mcp::wire::error::RpcError;

/// # Errors
/// -32602 with `data.uri`, where the URI is not that of a skill's SKILL.md.
pub fn get(context: &RequestContext) -> Result<Answer, RpcError> {
    let uri = context.request.text("uri")?;
    let skill = skills::get(uri).map_err(|error| refused(uri, &error))?;
    Ok(Answer::from(json!({"skill": skill})).cached(Caching::Catalog))
}

/// # Errors
/// -32602 for a URI that names no folder of a skill, and for a cursor: a folder fits on one page.
pub fn folder(context: &RequestContext) -> Result<Answer, RpcError> {
    let uri = context.request.text("uri")?;
    if context.request.params.get("cursor").is_some_and(|cursor| !cursor.is_null()) {
        return Err(RpcError::invalid_params("params.cursor is not one that this server gave out"));
    }
    let children = skills::folder(uri).map_err(|error| refused(uri, &error))?;
    Ok(Answer::from(json!({"resources": children})).cached(Caching::Catalog))
}

/// The contents of a file, if the URI is that of one.
pub fn read(uri: &str) -> Option<Answer> {
    let file = skills::file(uri)?;
    let contents = json!([{"uri": uri, "mimeType": skills::MIME_TYPE, "text": file.text}]);
    Some(Answer::from(json!({"contents": contents})).cached(Caching::Catalog))
}

/// What the extension is declared with.
pub fn settings() -> Value {
    json!({"directoryRead": true})
}

fn refused(uri: &str, error: &skills::SkillError) -> RpcError {
    RpcError::InvalidParams { message: error.to_string(), data: Some(json!({"uri": uri})) }
}
