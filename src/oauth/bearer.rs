//! The resource server's side: who a request comes from, and the challenge to one that does not say (RFC 6750, RFC 9728
//! section 5.1).

use bus_core::scopes::Scopes;
use durable::runtime::now_ms;
use serde_json::json;
use thiserror::Error;
use worker::{Env, Request, Response, Result};

use crate::config::Config;
use crate::oauth::access_token::{AccessToken, TokenError, kid};
use crate::oauth::error::{Error, ascii};
use crate::oauth::keys::Keys;
use crate::oauth::site::Site;

/// The verified sender of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub user_id: String,
    pub username: String,
    pub client_id: String,
    pub grant_id: String,
    pub scopes: Scopes,
    /// When the token ends; it is taken for `LEEWAY_S` longer.
    pub expires_at_ms: i64,
}

/// Why a request has no caller; `into_response` says so on the wire.
#[derive(Debug, Error)]
pub enum AuthError {
    #[error("no bearer token was sent")]
    Missing { challenge: Challenge },
    #[error("the access token is not valid: {reason}")]
    Invalid { challenge: Challenge, reason: TokenError },
    #[error(transparent)]
    Unavailable(#[from] Error),
}

/// Where a client learns how to get a token.
#[derive(Debug, Clone)]
pub struct Challenge {
    resource_metadata: String,
}

pub async fn authenticate(request: &Request, env: &Env) -> core::result::Result<Caller, AuthError> {
    let site = Site::of(request, &Config::of(env)).map_err(Error::from)?;
    let challenge = Challenge::of(request, &site);
    let header = request.headers().get("authorization").map_err(Error::from)?;
    let Some(token) = header.as_deref().and_then(bearer) else {
        return Err(AuthError::Missing { challenge });
    };
    let Some(kid) = kid(token) else {
        return Err(AuthError::Invalid { challenge, reason: TokenError::Malformed });
    };
    let keys = Keys::knowing(env, |keys| &keys.access_token, &kid).await?;
    let now_s = now_ms().div_euclid(1000);
    match AccessToken::verify(token, &keys, &site.audiences(), now_s) {
        Ok(token) => Ok(Caller::from(token)),
        Err(reason) => Err(AuthError::Invalid { challenge, reason }),
    }
}

/// 403 for a caller whose token lacks what the request needs. Names what is missing (RFC 6750 section 3.1).
pub fn insufficient_scope(request: &Request, env: &Env, needed: Scopes) -> Result<Response> {
    let site = match Site::of(request, &Config::of(env)) {
        Ok(site) => site,
        Err(error) => return Error::from(error).into_response(),
    };
    let description = format!("this needs the scope {needed}");
    let challenge = format!(
        "Bearer error=\"insufficient_scope\", error_description=\"{description}\", scope=\"{needed}\", \
         resource_metadata=\"{}\"",
        Challenge::of(request, &site).resource_metadata
    );
    answer(403, &challenge, "insufficient_scope", &description)
}

/// 401 for a caller whose grant was revoked after the token was issued.
pub fn revoked(request: &Request, env: &Env) -> Result<Response> {
    match Site::of(request, &Config::of(env)) {
        Ok(site) => invalid_token(&Challenge::of(request, &site), "the access token is not valid: it was revoked"),
        Err(error) => Error::from(error).into_response(),
    }
}

fn invalid_token(challenge: &Challenge, description: &str) -> Result<Response> {
    let header = format!(
        "Bearer error=\"invalid_token\", error_description=\"{description}\", resource_metadata=\"{}\"",
        challenge.resource_metadata
    );
    answer(401, &header, "invalid_token", description)
}

impl AuthError {
    pub fn into_response(self) -> Result<Response> {
        match self {
            Self::Missing { challenge } => answer(
                401,
                &format!("Bearer resource_metadata=\"{}\"", challenge.resource_metadata),
                "unauthorized",
                "send an access token: Authorization: Bearer <token>",
            ),
            Self::Invalid { challenge, reason } => {
                invalid_token(&challenge, &ascii(&format!("the access token is not valid: {reason}")))
            }
            Self::Unavailable(error) => error.into_response(),
        }
    }
}

fn answer(status: u16, challenge: &str, error: &str, description: &str) -> Result<Response> {
    Response::builder()
        .with_status(status)
        .with_header("www-authenticate", challenge)?
        .with_header("access-control-expose-headers", "WWW-Authenticate")?
        .with_header("cache-control", "no-store")?
        .from_json(&json!({"error": error, "error_description": description}))
}

impl Challenge {
    fn of(request: &Request, site: &Site) -> Self {
        let suffix = if request.path() == "/mcp" || request.path().starts_with("/mcp/") { "/mcp" } else { "" };
        Self { resource_metadata: format!("{}/.well-known/oauth-protected-resource{suffix}", site.here) }
    }
}

impl From<AccessToken> for Caller {
    fn from(token: AccessToken) -> Self {
        Self {
            user_id: token.user_id,
            username: token.username,
            client_id: token.client_id,
            grant_id: token.grant_id,
            scopes: token.scope,
            expires_at_ms: token.expires_s.saturating_mul(1000),
        }
    }
}

/// The token of an `Authorization` header; the scheme is case-insensitive (RFC 9110 section 11.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::bearer;

    #[test]
    fn only_a_bearer_token_is_one() {
        assert_eq!(bearer("Bearer a.b.c"), Some("a.b.c"));
        assert_eq!(bearer("bEARER  a.b.c "), Some("a.b.c"));
        for header in ["", "Bearer", "Bearer ", "Basic abc", "a.b.c", "Bearera.b.c"] {
            assert_eq!(bearer(header), None, "{header:?}");
        }
    }
}
