//! Token responses: turns a grant of the account object into what the client gets.

use account::accounts::Owner;
use account::grants::{Granted, Refusal};
use kernel::access::Access;
use kernel::ids::random_id;
use runtime::{WebCrypto, now_ms};
use serde::Serialize;
use worker::{Env, Response, console_log};

use crate::config::Config;
use crate::http::error::{Code, Error, no_store};
use crate::http::parameters::Parameters;
use crate::oauth::access_token::AccessToken;
use crate::objects::account::{Account, CredentialKind};
use crate::objects::key_ring::Keys;
use crate::site::Site;

/// RFC 6749 section 5.1. `user` is sent by the `/auth` endpoints only.
#[derive(Serialize)]
struct Tokens {
    access_token: String,
    refresh_token: String,
    token_type: &'static str,
    expires_in: i64,
    scope: Access,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Owner>,
}

/// Signs an access token for a grant and returns the token response. `user`: whether the response names the user.
pub async fn tokens(
    env: &Env,
    config: &Config,
    account: &Account,
    owner: Owner,
    granted: Granted,
    user: bool,
) -> Result<Response, Error> {
    let issued_s = now_ms().div_euclid(1000);
    let id = random_id::<12>("t-", &mut WebCrypto).map_err(|_| Error::UnexpectedReply("WebCrypto"))?;
    let token = AccessToken {
        issuer: granted.audience.clone(),
        audience: granted.audience,
        user_id: owner.user_id.clone(),
        client_id: granted.client_id,
        scope: granted.scopes.clone(),
        grant_id: granted.grant_id,
        granted_ms: granted.granted_ms,
        username: owner.username.clone(),
        id,
        issued_s,
        expires_s: issued_s.saturating_add(config.access_token_ttl_s),
    };
    let answer = Tokens {
        access_token: token.sign(&*Keys::load(env).await?)?,
        refresh_token: account.credential(CredentialKind::RefreshToken, &granted.refresh_token),
        token_type: "Bearer",
        expires_in: config.access_token_ttl_s,
        scope: granted.scopes,
        user: user.then_some(owner),
    };
    Ok(no_store(Response::builder())?.from_json(&answer)?)
}

/// The same error for every rejected code or refresh token. The reason is logged.
pub fn refused(reason: Refusal, what: &str) -> Error {
    console_log!("{what} refused: {reason}");
    match reason {
        Refusal::ScopeExceeded => {
            Error::new(Code::InvalidScope, "scope must name nothing but scopes of the original grant")
        }
        _ => Error::new(
            Code::InvalidGrant,
            format!("the {what} is unknown, used, expired or revoked, or was issued to another client or redirect"),
        ),
    }
}

/// Checks that every `resource` is an endpoint of this server (RFC 8707 section 2.2).
pub fn check_resources(parameters: &Parameters, site: &Site) -> Result<(), Error> {
    match parameters.all("resource").find(|resource| !site.is_resource(resource)) {
        None => Ok(()),
        Some(_) => Err(Error::new(Code::InvalidTarget, format!("resource must be {0}/ or {0}/mcp", site.here))),
    }
}
