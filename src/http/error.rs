//! Errors of the OAuth endpoints and the pages, and their JSON form (RFC 6749 section 5.2, RFC 7591 section 3.2.2).

use kernel::access::BoundError;
use serde_json::json;
use thiserror::Error;
use worker::{Response, ResponseBuilder, Result, console_error};

use crate::site::SiteError;

/// The error codes that clients see. Details that must stay private go to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    InvalidScope,
    InvalidTarget,
    UnsupportedGrantType,
    UnsupportedResponseType,
    AccessDenied,
    AuthorizationPending,
    SlowDown,
    ExpiredToken,
    LoginRequired,
    ConsentRequired,
    InteractionRequired,
    InvalidRedirectUri,
    InvalidClientMetadata,
    InvalidCredentials,
    /// `invalid_grant` with status 401, from `/auth/refresh`: the user must sign in again.
    SignInAgain,
    /// The token of a client's registration is missing or wrong (RFC 6750 section 3.1).
    InvalidToken,
    MethodNotAllowed(&'static str),
    UnsupportedMediaType,
    TooLarge,
    TooMany,
}

impl Code {
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest | Self::MethodNotAllowed(_) | Self::UnsupportedMediaType | Self::TooLarge => {
                "invalid_request"
            }
            Self::InvalidClient => "invalid_client",
            Self::TooMany => "temporarily_unavailable",
            Self::InvalidGrant | Self::SignInAgain => "invalid_grant",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidToken => "invalid_token",
            Self::InvalidTarget => "invalid_target",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::AccessDenied => "access_denied",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::InteractionRequired => "interaction_required",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidCredentials => "invalid_credentials",
        }
    }

    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidClient | Self::InvalidCredentials | Self::SignInAgain | Self::InvalidToken => 401,
            Self::MethodNotAllowed(_) => 405,
            Self::TooLarge => 413,
            Self::TooMany => 429,
            Self::UnsupportedMediaType => 415,
            _ => 400,
        }
    }
}

#[derive(Debug, Error)]
pub enum Error {
    #[error("{}: {description}", code.name())]
    Rejected { code: Code, description: String },
    #[error(transparent)]
    Site(#[from] SiteError),
    #[error("runtime: {0}")]
    Runtime(#[from] worker::Error),
    #[error("json: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{0} answered {1}")]
    Object(&'static str, u16),
    #[error("unexpected reply from {0}")]
    UnexpectedReply(&'static str),
    /// Another server failed. The text is for the log.
    #[error("{0}")]
    OtherServer(String),
    #[error("a key is unusable")]
    Key,
    /// A form that was not sent from its own page, or from a page that was loaded before the current sign-in.
    #[error(
        "The form was not sent from its own page, or the page was too old. Nothing was done. Go back, reload the page \
         and try again; cookies must be allowed."
    )]
    Forged,
}

impl From<BoundError> for Error {
    fn from(error: BoundError) -> Self {
        Self::new(Code::InvalidScope, format!("scope: {error}"))
    }
}

impl Error {
    pub fn new(code: Code, description: impl Into<String>) -> Self {
        Self::Rejected { code, description: description.into() }
    }

    /// Status, `error` and `error_description`. Failures of this server are logged here and reported without details.
    pub fn parts(&self) -> (u16, &'static str, String) {
        match self {
            Self::Rejected { code, description } => (code.status(), code.name(), description.clone()),
            Self::Site(error @ SiteError::PublicOrigin) => (500, "server_error", error.to_string()),
            Self::Site(error) => (400, "invalid_request", error.to_string()),
            Self::Forged => (403, "access_denied", self.to_string()),
            other => {
                console_error!("oauth: {other}");
                (503, "temporarily_unavailable", "the server cannot answer now: try again".to_owned())
            }
        }
    }

    pub fn into_response(self) -> Result<Response> {
        let (status, error, description) = self.parts();
        let mut response = no_store(Response::builder().with_status(status))?;
        if let Self::Rejected { code: Code::MethodNotAllowed(allowed), .. } = &self {
            response = response.with_header("allow", allowed)?;
        }
        if matches!(self, Self::Rejected { code: Code::InvalidClient, .. }) {
            response = response.with_header("www-authenticate", "Basic realm=\"token endpoint\"")?;
        }
        if matches!(self, Self::Rejected { code: Code::InvalidToken, .. }) {
            response = response.with_header("www-authenticate", "Bearer error=\"invalid_token\"")?;
        }
        match status {
            429 => response = response.with_header("retry-after", "60")?,
            503 => response = response.with_header("retry-after", "5")?,
            _ => {}
        }
        response.from_json(&json!({"error": error, "error_description": ascii(&description)}))
    }
}

/// Responses with tokens, and their errors, must not be cached (RFC 6749 section 5.1).
pub fn no_store(response: ResponseBuilder) -> Result<ResponseBuilder> {
    response.with_header("cache-control", "no-store")?.with_header("pragma", "no-cache")
}

/// The text with other characters than `error_description` allows replaced (RFC 6749 section 5.2), cut to 400
/// characters. Also safe in a quoted header value.
pub fn ascii(text: &str) -> String {
    let shown = |character: char| match character {
        '"' | '\\' => '\'',
        ' '..='~' => character,
        _ => '?',
    };
    text.chars().map(shown).take(400).collect()
}

#[cfg(test)]
mod tests {
    use super::ascii;

    #[test]
    fn a_description_cannot_leave_its_header_or_string() {
        assert_eq!(ascii("a\"b\\c\r\nSet-Cookie: x\u{e9}"), "a'b'c??Set-Cookie: x?");
        assert_eq!(ascii(&"x".repeat(1000)).len(), 400);
    }
}
