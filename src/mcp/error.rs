//! JSON-RPC errors of the endpoint and the HTTP status each travels with.
use kernel::scopes::Scopes;
use serde_json::{Value, json};
use thiserror::Error;

/// Everything a request can fail with before it has a result.
#[derive(Debug, Error)]
pub enum RpcError {
    #[error("the body is not JSON: {0}")]
    Parse(String),
    #[error("{0}")]
    InvalidRequest(String),
    #[error("method {method:?} is not known here")]
    MethodNotFound { method: String },
    /// Malformed as a whole: what every request of the revision must carry is missing.
    #[error("{0}")]
    Malformed(String),
    #[error("{message}")]
    InvalidParams { message: String, data: Option<Value> },
    /// MCP 2026-07-28: a header is missing or differs from the body.
    #[error("{0}")]
    HeaderMismatch(String),
    /// MCP 2026-07-28: the revision is none that is served.
    #[error("protocol version {requested:?} is not supported")]
    UnsupportedVersion { requested: String, supported: &'static [&'static str] },
    /// MCP 2026-07-28: the client did not declare that it can do what this takes.
    #[error("this takes a client that declares the extension {extension}")]
    MissingCapability { extension: &'static str },
    /// MCP up to 2025-11-25: no such resource.
    #[error("resource not found: {uri}")]
    ResourceNotFound { uri: String },
    #[error("no session with this Mcp-Session-Id is open; send initialize to open one")]
    NoSession,
    /// The grant was revoked: answered as 401 by the endpoint.
    #[error("unauthenticated")]
    Unauthenticated,
    /// The caller's token lacks a scope: answered as 403 by the endpoint.
    #[error("the access token lacks the scope {0}")]
    InsufficientScope(Scopes),
    /// Asked from where nobody may ask: a web page of a stranger.
    #[error("{0}")]
    Forbidden(String),
    /// Ours. The text is for the log; outside it is one opaque sentence.
    #[error("{0}")]
    Internal(String),
}

impl RpcError {
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self::InvalidParams { message: message.into(), data: None }
    }

    pub fn code(&self) -> i64 {
        match self {
            Self::Parse(_) => -32700,
            Self::InvalidRequest(_) | Self::NoSession | Self::Forbidden(_) => -32600,
            Self::MethodNotFound { .. } => -32601,
            Self::Malformed(_) | Self::InvalidParams { .. } => -32602,
            Self::Internal(_) => -32603,
            Self::ResourceNotFound { .. } => -32002,
            Self::HeaderMismatch(_) => -32020,
            Self::MissingCapability { .. } => -32021,
            Self::UnsupportedVersion { .. } => -32022,
            Self::Unauthenticated | Self::InsufficientScope(_) => -32001,
        }
    }

    /// The HTTP status of the answer; `modern` for revision 2026-07-28, which wants 404 for unknown methods.
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
            Self::Unauthenticated => 401,
            Self::InsufficientScope(_) | Self::Forbidden(_) => 403,
            Self::Internal(_) => 500,
        }
    }

    /// The JSON-RPC error response. An id that could not be read is left out: MCP has no null ids.
    pub fn response(&self, id: &Value) -> Value {
        let message = match self {
            Self::Internal(_) => "internal error".to_owned(),
            other => other.to_string(),
        };
        let mut error = json!({"code": self.code(), "message": message});
        if let (Some(fields), Some(data)) = (error.as_object_mut(), self.data()) {
            fields.insert("data".to_owned(), data);
        }
        if id.is_null() {
            json!({"jsonrpc": "2.0", "error": error})
        } else {
            json!({"jsonrpc": "2.0", "id": id, "error": error})
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
