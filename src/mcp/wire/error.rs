//! JSON-RPC errors of the endpoint, with their codes and HTTP statuses.

use core::fmt::Display;

use kernel::scopes::Scopes;
use serde_json::{Value, json};
use thiserror::Error;

/// Why a request has no result.
#[derive(Debug, Error)]
pub enum RpcError {
    #[error("the body is not JSON: {0}")]
    Parse(String),
    #[error("{0}")]
    InvalidRequest(String),
    #[error("method {method:?} is not known here")]
    MethodNotFound { method: String },
    /// Something that every request of the revision must carry is missing.
    #[error("{0}")]
    Malformed(String),
    #[error("{message}")]
    InvalidParams { message: String, data: Option<Value> },
    /// MCP 2026-07-28: a header is missing or differs from the body.
    #[error("{0}")]
    HeaderMismatch(String),
    /// MCP 2026-07-28: the revision is not served.
    #[error("protocol version {requested:?} is not supported")]
    UnsupportedVersion { requested: String, supported: &'static [&'static str] },
    /// MCP 2026-07-28: the client did not declare a capability that this needs.
    #[error("this takes a client that declares the extension {extension}")]
    MissingCapability { extension: &'static str },
    /// MCP up to 2025-11-25: no such resource.
    #[error("resource not found: {uri}")]
    ResourceNotFound { uri: String },
    #[error("no session with this Mcp-Session-Id is open; send initialize to open one")]
    NoSession,
    /// The grant was revoked. The endpoint answers 401.
    #[error("unauthenticated")]
    Unauthenticated,
    /// The token lacks a scope. The endpoint answers 403.
    #[error("the access token lacks the scope {0}")]
    InsufficientScope(Scopes),
    /// The request comes from a web origin that is not allowed.
    #[error("{0}")]
    Forbidden(String),
    /// A limit is reached. The endpoint answers 429.
    #[error("{0}")]
    TooMany(String),
    /// The answer is a stream, which the client does not take.
    #[error("{method} is answered with a stream: Accept must admit text/event-stream")]
    NotAcceptable { method: String },
    /// A failure of this server. The text is for the log; clients see "internal error".
    #[error("{0}")]
    Internal(String),
    /// The disk or the object's storage is full. The text is for the log. The endpoint answers 503.
    #[error("{0}")]
    StorageFull(String),
}

/// How the runtime says that a statement found no room.
const FULL: &str = "SQLITE_FULL";

impl RpcError {
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self::InvalidParams { message: message.into(), data: None }
    }

    /// A failure of the bus or of another object.
    pub fn failed(error: &impl Display) -> Self {
        let text = error.to_string();
        if text.contains(FULL) { Self::StorageFull(text) } else { Self::Internal(text) }
    }

    pub fn code(&self) -> i64 {
        match self {
            Self::Parse(_) => -32700,
            Self::InvalidRequest(_)
            | Self::NoSession
            | Self::Forbidden(_)
            | Self::TooMany(_)
            | Self::NotAcceptable { .. } => -32600,
            Self::MethodNotFound { .. } => -32601,
            Self::Malformed(_) | Self::InvalidParams { .. } => -32602,
            Self::Internal(_) | Self::StorageFull(_) => -32603,
            Self::ResourceNotFound { .. } => -32002,
            Self::HeaderMismatch(_) => -32020,
            Self::MissingCapability { .. } => -32021,
            Self::UnsupportedVersion { .. } => -32022,
            Self::Unauthenticated | Self::InsufficientScope(_) => -32001,
        }
    }

    /// The HTTP status of the response. `modern`: revision 2026-07-28, which requires 404 for unknown methods.
    pub fn status(&self, modern: bool) -> u16 {
        match self {
            Self::Parse(_)
            | Self::InvalidRequest(_)
            | Self::Malformed(_)
            | Self::HeaderMismatch(_)
            | Self::MissingCapability { .. }
            | Self::UnsupportedVersion { .. } => 400,
            Self::MethodNotFound { .. } if modern => 404,
            Self::MethodNotFound { .. } | Self::InvalidParams { .. } | Self::ResourceNotFound { .. } => 200,
            Self::NoSession => 404,
            Self::NotAcceptable { .. } => 406,
            Self::Unauthenticated => 401,
            Self::InsufficientScope(_) | Self::Forbidden(_) => 403,
            Self::TooMany(_) => 429,
            Self::Internal(_) => 500,
            Self::StorageFull(_) => 503,
        }
    }

    /// The text of the JSON-RPC error response; `id` is JSON text. MCP has no null id: what could not be read is left out.
    pub fn response(&self, id: Option<&str>) -> String {
        let message = match self {
            Self::Internal(_) => "internal error".to_owned(),
            Self::StorageFull(_) => {
                "the server's storage is full, and nothing of this request was kept; its operator has to \
                                     make room before it can be sent again"
                    .to_owned()
            }
            other => other.to_string(),
        };
        let mut error = json!({"code": self.code(), "message": message});
        if let (Some(fields), Some(data)) = (error.as_object_mut(), self.data()) {
            fields.insert("data".to_owned(), data);
        }
        match id {
            None => json!({"jsonrpc": "2.0", "error": error}).to_string(),
            Some(id) => format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{error}}}"),
        }
    }

    fn data(&self) -> Option<Value> {
        match self {
            Self::UnsupportedVersion { requested, supported } => {
                Some(json!({"supported": supported, "requested": requested}))
            }
            Self::MissingCapability { extension } => {
                Some(json!({"requiredCapabilities": {"extensions": {*extension: {}}}}))
            }
            Self::InvalidParams { data, .. } => data.clone(),
            Self::ResourceNotFound { uri } => Some(json!({"uri": uri})),
            _ => None,
        }
    }
}
