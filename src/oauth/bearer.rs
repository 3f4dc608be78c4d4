//! The resource server: verifies the bearer token of a request, or answers with a challenge (RFC 6750, RFC 9728 section
//! 5.1).

use bus::wire::command::SignIn;
use kernel::scopes::Scopes;
use runtime::now_ms;
use serde_json::json;
use thiserror::Error;
use worker::{Env, Response, Result};

use crate::caller::Caller;
use crate::config::Config;
use crate::http::error::{Error, ascii};
use crate::oauth::access_token::{AccessToken, TokenError, UnverifiedToken};
use crate::oauth::client::record;
use crate::oauth::personal_tokens;
use crate::objects::account::CredentialKind;
use crate::objects::key_ring::Keys;
use crate::request::Request;
use crate::routes::{self, Endpoint};
use crate::site::{Site, SiteError};

/// Why a request is not served. `response` tells the client this, and where to find the metadata for getting a token.
#[derive(Debug, Error)]
pub enum Challenge {
    #[error("no bearer token was sent")]
    Missing { hints: Hints },
    #[error("{description}")]
    InvalidToken { hints: Hints, description: String },
    #[error("this needs the scope {needed}")]
    InsufficientScope { hints: Hints, needed: Scopes },
    /// The share link in the path is none, or has ended. There is nothing to sign in to instead.
    #[error("{}", Self::NO_SHARE)]
    NoShare,
    #[error(transparent)]
    Unavailable(#[from] Error),
}

/// How to get a token for the requested endpoint.
#[derive(Debug)]
pub struct Hints {
    /// The URL of the endpoint's metadata (RFC 9728 section 3.1).
    metadata: String,
    /// The scopes to ask for. A client that is told none asks for all that the metadata lists.
    scopes: Scopes,
}

/// Verifies who sends a request.
///
/// # Errors
/// The challenge to send instead of an answer.
pub async fn authenticate(
    request: &Request,
    env: &Env,
    site: core::result::Result<Site, SiteError>,
) -> core::result::Result<Caller, Challenge> {
    let site = site.map_err(Error::from)?;
    if let Some(link) = shared_by(&request.path()) {
        let caller = match personal_tokens::kind(link) {
            Some(kind @ CredentialKind::Share) => personal_tokens::verify(env, &site, kind, link).await?,
            _ => None,
        };
        return caller.ok_or(Challenge::NoShare);
    }
    let hints = || Hints::of(request, &site);
    let header = request.headers().get("authorization").map_err(Error::from)?;
    let Some(token) = header.as_deref().and_then(token) else {
        return Err(Challenge::Missing { hints: hints() });
    };
    if let Some(kind) = personal_tokens::kind(token) {
        return personal_tokens::verify(env, &site, kind, token).await?.ok_or_else(|| Challenge::InvalidToken {
            hints: hints(),
            description: "the access token is unknown, expired or revoked".to_owned(),
        });
    }
    let refused = |reason: TokenError| {
        let description = ascii(&format!("the access token is not valid: {reason}"));
        Challenge::InvalidToken { hints: hints(), description }
    };
    let presented = UnverifiedToken::read(token).map_err(refused)?;
    let keys = Keys::with_kid(env, |keys| &keys.access_token, presented.kid()).await?;
    let now_s = now_ms().div_euclid(1000);
    presented.verified(&keys, &site.audiences(), now_s).map(Caller::from).map_err(refused)
}

/// The share link that a path has as its token; none for any other path.
fn shared_by(path: &str) -> Option<&str> {
    routes::find(path).filter(|route| route.endpoint == Endpoint::SharedMcp)?;
    routes::parameter(path)
}

impl Challenge {
    const NO_SHARE: &'static str = "this share link has ended, or never was: ask its owner for another";

    /// 401 for a token whose grant was revoked, 404 for a share link in the path.
    pub fn invalid_token(request: &Request) -> Self {
        match Hints::of_known(request) {
            _ if shared_by(&request.path()).is_some() => Self::NoShare,
            Ok(hints) => Self::InvalidToken { hints, description: "the access token was revoked".to_owned() },
            Err(error) => Self::Unavailable(error),
        }
    }

    /// 403 for a token that lacks a scope, which it names (RFC 6750 section 3.1).
    pub fn insufficient_scope(request: &Request, needed: Scopes) -> Self {
        match Hints::of_known(request) {
            Ok(hints) => Self::InsufficientScope { hints, needed },
            Err(error) => Self::Unavailable(error),
        }
    }

    pub fn response(self) -> Result<Response> {
        let (status, error, challenge, description) = match self {
            Self::Missing { hints: Hints { metadata, scopes } } => (
                401,
                "unauthorized",
                format!("scope=\"{scopes}\", resource_metadata=\"{metadata}\""),
                "send an access token: Authorization: Bearer <token>".to_owned(),
            ),
            Self::InvalidToken { hints: Hints { metadata, scopes }, description } => (
                401,
                "invalid_token",
                format!(
                    "error=\"invalid_token\", error_description=\"{description}\", scope=\"{scopes}\", \
                     resource_metadata=\"{metadata}\""
                ),
                description,
            ),
            Self::InsufficientScope { hints: Hints { metadata, .. }, needed } => (
                403,
                "insufficient_scope",
                format!(
                    "error=\"insufficient_scope\", error_description=\"this needs the scope {needed}\", \
                     scope=\"{needed}\", resource_metadata=\"{metadata}\""
                ),
                format!("this needs the scope {needed}"),
            ),
            Self::NoShare => {
                let body = json!({"error": "not_found", "error_description": Self::NO_SHARE});
                return Ok(Response::from_json(&body)?.with_status(404));
            }
            Self::Unavailable(error) => return error.into_response(),
        };
        Response::builder()
            .with_status(status)
            .with_header("www-authenticate", &format!("Bearer {challenge}"))?
            .with_header("access-control-expose-headers", "WWW-Authenticate")?
            .with_header("cache-control", "no-store")?
            .from_json(&json!({"error": error, "error_description": description}))
    }
}

impl Hints {
    fn of(request: &Request, site: &Site) -> Self {
        let path = request.path();
        let metadata = format!("{}/.well-known/oauth-protected-resource{}", site.here, routes::metadata_suffix(&path));
        let for_blenders = routes::find(&path).is_some_and(|route| route.endpoint == Endpoint::Socket);
        Self { metadata, scopes: if for_blenders { Scopes::PEER } else { Scopes::FOR_CLIENTS } }
    }

    /// The same, after `authenticate` has read the configuration.
    fn of_known(request: &Request) -> core::result::Result<Self, Error> {
        let config = Config::cached().ok_or(Error::UnexpectedReply("the configuration"))?;
        Ok(Self::of(request, &Site::of(request, &config)?))
    }
}

impl From<AccessToken> for Caller {
    fn from(token: AccessToken) -> Self {
        Self {
            user_id: token.user_id,
            username: token.username,
            sign_in: Some(SignIn { client_key: record::program(&token.client_id), at_ms: token.granted_ms }),
            client_id: token.client_id,
            grant_id: token.grant_id,
            scopes: token.scope,
            guest_name: None,
            audience: token.audience,
            expires_at_ms: token.expires_s.saturating_mul(1000),
        }
    }
}

/// The token of an `Authorization` header; the scheme is case-insensitive (RFC 9110 section 11.1).
pub fn token(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::token;

    #[test]
    fn only_a_bearer_token_is_one() {
        assert_eq!(token("Bearer a.b.c"), Some("a.b.c"));
        assert_eq!(token("bEARER  a.b.c "), Some("a.b.c"));
        for header in ["", "Bearer", "Bearer ", "Basic abc", "a.b.c", "Bearera.b.c"] {
            assert_eq!(token(header), None, "{header:?}");
        }
    }
}
