//! The provider's metadata (OpenID Connect Discovery) and keys. Each isolate caches both.

use core::cell::RefCell;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use runtime::now_ms;
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;
use worker::wasm_bindgen::JsValue;
use worker::{Headers, Method, RequestInit, console_log};

use crate::config::Oidc;
use crate::http::error::Error;
use crate::http::outbound;
use crate::site::is_loopback;
use crate::web::oidc::id_token::{About, IdToken};
use crate::web::oidc::signature::{Jwk, is_signed, key_of};

const KEPT_MS: i64 = 3_600_000;
/// The shortest time between two reads of the keys because of an unknown key, in milliseconds.
const LOOK_AGAIN_MS: i64 = 10_000;
const MAX_KEYS: usize = 50;

#[derive(Debug, Deserialize)]
pub struct Metadata {
    issuer: String,
    pub authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// RFC 9207: the provider always sends `iss`, so a response without it is not from it.
    #[serde(default, rename = "authorization_response_iss_parameter_supported")]
    pub answers_with_issuer: bool,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
pub struct Tokens {
    pub id_token: String,
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    #[serde(flatten)]
    about: About,
}

/// When it was read (Unix milliseconds), and its content.
type Kept<T> = RefCell<Option<(i64, Rc<T>)>>;

thread_local! {
    static METADATA: Kept<Metadata> = const { RefCell::new(None) };
    static KEYS: Kept<Vec<Jwk>> = const { RefCell::new(None) };
}

/// What to exchange for tokens: the provider's code, and the values it was requested with.
pub struct Exchange<'a> {
    pub code: &'a str,
    pub verifier: &'a str,
    pub redirect_uri: &'a str,
}

impl Metadata {
    pub async fn of(oidc: &Oidc) -> Result<Rc<Self>, Error> {
        let kept =
            METADATA.with_borrow(Clone::clone).filter(|(read_ms, _)| now_ms().saturating_sub(*read_ms) < KEPT_MS);
        if let Some((_, metadata)) = kept {
            return Ok(metadata);
        }
        check(&oidc.issuer, &oidc.issuer)?;
        let address = format!("{}/.well-known/openid-configuration", oidc.issuer.trim_end_matches('/'));
        let metadata: Self = outbound::json(&address, RequestInit::new()).await?;
        if metadata.issuer != oidc.issuer {
            return Err(Error::OtherServer(format!("{address} is of the issuer {}, not OIDC_ISSUER", metadata.issuer)));
        }
        let endpoints = [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri];
        for endpoint in endpoints.into_iter().chain(&metadata.userinfo_endpoint) {
            check(endpoint, &oidc.issuer)?;
        }
        let metadata = Rc::new(metadata);
        METADATA.set(Some((now_ms(), Rc::clone(&metadata))));
        Ok(metadata)
    }

    /// Exchanges a code for tokens (OpenID Connect Core section 3.1.3).
    pub async fn exchange(&self, oidc: &Oidc, exchange: &Exchange<'_>) -> Result<Tokens, Error> {
        let mut body = Serializer::new(String::new());
        body.append_pair("grant_type", "authorization_code").append_pair("code", exchange.code);
        body.append_pair("redirect_uri", exchange.redirect_uri).append_pair("code_verifier", exchange.verifier);
        let headers = Headers::new();
        let methods = self.token_endpoint_auth_methods_supported.as_deref();
        let basic = methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"));
        match &oidc.client_secret {
            Some(secret) if basic => {
                let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let credentials = STANDARD.encode(format!("{}:{}", encoded(&oidc.client_id), encoded(secret)));
                headers.set("authorization", &format!("Basic {credentials}"))?;
            }
            Some(secret) => {
                body.append_pair("client_id", &oidc.client_id).append_pair("client_secret", secret);
            }
            None => {
                body.append_pair("client_id", &oidc.client_id);
            }
        }
        headers.set("content-type", "application/x-www-form-urlencoded")?;
        headers.set("accept", "application/json")?;
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_headers(headers).with_body(Some(JsValue::from_str(&body.finish())));
        outbound::json(&self.token_endpoint, init).await
    }

    /// Whether the provider has signed this token.
    pub async fn has_signed(&self, token: &IdToken) -> Result<bool, Error> {
        let found = key_of(&self.keys(KEPT_MS).await?, token);
        let key = match found {
            Some(key) => Some(key),
            None => key_of(&self.keys(LOOK_AGAIN_MS).await?, token),
        };
        let Some(key) = key else { return Ok(false) };
        Ok(is_signed(token, &key).await.unwrap_or_else(|error| {
            console_log!("a key of the provider is unusable: {error:?}");
            false
        }))
    }

    /// The provider's keys, read at most `age_ms` ago. Unknown kinds of keys are ignored.
    async fn keys(&self, age_ms: i64) -> Result<Rc<Vec<Jwk>>, Error> {
        let kept = KEYS.with_borrow(Clone::clone).filter(|(read_ms, _)| now_ms().saturating_sub(*read_ms) < age_ms);
        if let Some((_, keys)) = kept {
            return Ok(keys);
        }
        let set: KeySet = outbound::json(&self.jwks_uri, RequestInit::new()).await?;
        let keys = set.keys.into_iter().take(MAX_KEYS).filter_map(|key| serde_json::from_value(key).ok());
        let keys = Rc::new(keys.collect::<Vec<Jwk>>());
        KEYS.set(Some((now_ms(), Rc::clone(&keys))));
        Ok(keys)
    }

    /// Claims from the userinfo endpoint (OpenID Connect Core section 5.3). They are ignored if they are about another
    /// user.
    pub async fn about(&self, tokens: &Tokens, subject: &str) -> Result<About, Error> {
        let Some((address, token)) = self.userinfo_endpoint.as_ref().zip(tokens.access_token.as_ref()) else {
            return Ok(About::default());
        };
        let headers = Headers::new();
        headers.set("authorization", &format!("Bearer {token}"))?;
        let mut init = RequestInit::new();
        init.with_headers(headers);
        let info: UserInfo = outbound::json(address, init).await?;
        Ok(if info.sub == subject { info.about } else { About::default() })
    }
}

/// Checks that an endpoint is https, or on loopback, for development.
fn check(address: &str, issuer: &str) -> Result<(), Error> {
    let refused =
        || Error::OtherServer(format!("{address} is no https address, which OIDC_ISSUER and its endpoints must be"));
    let url = Url::parse(address).map_err(|_| refused())?;
    let local = Url::parse(issuer).is_ok_and(|issuer| issuer.scheme() == "http" && is_loopback(&issuer));
    let sound = url.scheme() == "https" || (local && url.scheme() == "http" && is_loopback(&url));
    if sound && url.username().is_empty() && url.password().is_none() { Ok(()) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_provider_is_reached_by_https_or_on_this_machine() {
        let (public, local) = ("https://idp.example", "http://localhost:9999");
        for (address, issuer) in
            [(public, public), (local, local), ("http://127.0.0.1:9999/token", local), ("https://x.example/t", public)]
        {
            assert!(check(address, issuer).is_ok(), "{address}");
        }
        for (address, issuer) in
            [("http://idp.example", public), (local, public), ("https://a@idp.example", public), ("token", public)]
        {
            assert!(check(address, issuer).is_err(), "{address}");
        }
    }
}
