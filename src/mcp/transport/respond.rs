//! Answers and errors as single HTTP responses.

use worker::{Response, ResponseBody, Result, console_error};

use crate::mcp::wire::error::RpcError;
use crate::mcp::wire::id::Id;
use crate::oauth::bearer::Challenge;
use crate::request::Request;

pub const SESSION_HEADER: &str = "Mcp-Session-Id";

/// An error as an HTTP response.
pub fn answer_error(request: &Request, error: &RpcError, id: Option<&Id>, modern: bool) -> Result<Response> {
    match error {
        RpcError::Unauthenticated => return Challenge::invalid_token(request).response(),
        RpcError::InsufficientScope(scope) => return Challenge::insufficient_scope(request, *scope).response(),
        RpcError::Internal(reason) => console_error!("mcp: {reason}"),
        _ => {}
    }
    Ok(json_text(error.response(id.map(Id::as_json)))?.with_status(error.status(modern)))
}

/// Refuses a request before its message was read.
pub fn refuse(status: u16, error: &RpcError) -> Result<Response> {
    Ok(json_text(error.response(None))?.with_status(status))
}

/// A response with this JSON text.
pub fn json_text(text: String) -> Result<Response> {
    let response = Response::from_body(ResponseBody::Body(text.into_bytes()))?;
    response.headers().set("Content-Type", "application/json")?;
    Ok(response)
}
