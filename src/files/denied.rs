//! Why a request about files is not served, and how that is told: `{"error", "error_description"}`.

use files::refusal::{Kind, Refusal};
use serde_json::json;
use thiserror::Error;
use worker::{Response, Result};

use crate::file_store::access::AccessError;
use crate::http::error::{Error as ServerError, ascii};
use crate::oauth::bearer::Challenge;

#[derive(Debug, Error)]
pub enum Denied {
    #[error("{0}")]
    Forbidden(String),
    #[error("the signed URL has expired: ask for another one")]
    Expired,
    #[error("the URL is not signed for this file and method")]
    NotSigned,
    #[error("the method must be one of {0}")]
    Method(&'static str),
    /// A version of tus that is not spoken here.
    #[error("Tus-Resumable must be {0}")]
    Version(&'static str),
    #[error("{0}")]
    MediaType(String),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Challenged(#[from] Challenge),
    #[error(transparent)]
    Server(#[from] ServerError),
}

impl From<worker::Error> for Denied {
    fn from(error: worker::Error) -> Self {
        Self::Server(error.into())
    }
}

impl Denied {
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Refused(Refusal::new(Kind::Invalid, message))
    }

    /// What an access error means for this request.
    pub fn access(error: AccessError, request: &crate::request::Request) -> Self {
        match error {
            AccessError::Revoked => Self::Challenged(Challenge::invalid_token(request)),
            AccessError::Lacks(scopes) => Self::Challenged(Challenge::insufficient_scope(request, scopes)),
            AccessError::NoJob(_) => Self::invalid(format!("job_id: {error}")),
            AccessError::Bus(error) => Self::Server(ServerError::Runtime(error.into())),
            AccessError::Server(error) => Self::Server(error),
        }
    }

    pub fn response(self) -> Result<Response> {
        let (status, code) = match self {
            Self::Challenged(challenge) => return challenge.response(),
            Self::Server(error) => return error.into_response(),
            Self::Forbidden(_) => (403, "forbidden"),
            Self::Expired => (410, "expired"),
            Self::NotSigned => (403, "not_signed"),
            Self::Method(_) => (405, "invalid_request"),
            Self::Version(_) => (412, "invalid_request"),
            Self::MediaType(_) => (415, "invalid_request"),
            Self::Refused(ref refusal) => (refusal.kind.status(), refusal.kind.name()),
        };
        let body = json!({"error": code, "error_description": ascii(&self.to_string())});
        let response = Response::from_json(&body)?.with_status(status);
        let headers = response.headers();
        headers.set("cache-control", "no-store")?;
        match self {
            Self::Method(allowed) => headers.set("allow", allowed)?,
            Self::Version(version) => headers.set("tus-version", version)?,
            Self::Refused(Refusal { kind: Kind::Busy, .. }) => headers.set("retry-after", "2")?,
            Self::Refused(Refusal { bytes: Some(bytes), .. }) => {
                headers.set("content-range", &format!("bytes */{bytes}"))?
            }
            _ => {}
        }
        Ok(response)
    }
}
