//! Sign-in with an OpenID Connect provider: authorization code with PKCE, state and nonce, which a cookie keeps in the
//! browser that started.
//!
//! Users are identified by issuer and subject, never by e-mail address, which can be reassigned.

use account::accounts::{Command, Reply};
use account::usernames::Username;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::secrets::{encoded_hash, hash, new_secret};
use runtime::{WebCrypto, now_ms};
use subtle::ConstantTimeEq;
use url::Url;
use worker::{Env, Response, console_log};

use crate::config::{Config, Oidc};
use crate::http::error::{Code, Error};
use crate::http::parameters::Parameters;
use crate::http::redirect::see_other;
use crate::objects::account::{Account, CredentialKind};
use crate::request::Request;
use crate::site::Site;
use crate::web::browser::{Temporary, start_session, temporary};
use crate::web::oidc::id_token::{Claims, Expected, IdToken, IdTokenError};
use crate::web::oidc::provider::{Exchange, Metadata};
use crate::web::return_to::return_path;
use crate::web::screens;

mod id_token;
mod provider;
mod signature;

const CALLBACK: &str = "/login/oidc/callback";
/// The longest return path, in bytes, that a cookie can hold. A longer one is dropped.
const MAX_RETURN_BYTES: usize = 3500;
const NOT_STARTED_HERE: &str = "This sign-in was not started in this browser, or too long ago. Try again.";
const NOT_SIGNED_IN: &str = "The provider has not signed you in.";
const NOT_TRUSTWORTHY: &str = "The provider's answer could not be verified. You are not signed in.";
const BEING_DELETED: &str = "This account is being deleted. Try again in a moment.";
const NOT_ALLOWED: &str = "You are not allowed to use this server. Ask its operator.";

/// What the browser's cookie keeps until the provider sends it back.
struct LoginState {
    state: String,
    nonce: String,
    verifier: String,
}

impl LoginState {
    fn new() -> Result<Self, Error> {
        let secret = || new_secret(&mut WebCrypto).map_err(|_| Error::UnexpectedReply("WebCrypto"));
        Ok(Self { state: secret()?, nonce: secret()?, verifier: secret()? })
    }

    fn cookie(&self) -> String {
        format!("{}.{}.{}", self.state, self.nonce, self.verifier)
    }

    fn from_cookie(value: &str) -> Option<Self> {
        let whole = |part: &&str| URL_SAFE_NO_PAD.decode(part).is_ok_and(|bytes: Vec<u8>| bytes.len() == 32);
        let parts: Vec<&str> = value.split('.').filter(whole).collect();
        match parts.as_slice() {
            [state, nonce, verifier] => {
                let own = |part: &str| part.to_owned();
                Some(Self { state: own(state), nonce: own(nonce), verifier: own(verifier) })
            }
            _ => None,
        }
    }
}

/// The outcome of a sign-in at the provider.
enum SignIn {
    As(Box<Claims>),
    /// Nobody was signed in. `shown` is for the browser, `reason` for the log.
    Refused {
        shown: &'static str,
        reason: String,
    },
}

/// `GET /login/oidc`: sends the browser to the provider.
pub async fn begin(request: &Request, env: &Env) -> Result<Response, Error> {
    let config = Config::of(env);
    let (site, oidc) = (Site::of(request, &config)?, configured(&config)?);
    let query = Parameters::parse(request.url()?.query().unwrap_or_default());
    let return_to = return_path(&site, query.optional("return_to")?);
    let metadata = Metadata::of(oidc).await?;
    let login = LoginState::new()?;
    let mut url = Url::parse(&metadata.authorization_endpoint).map_err(|_| Error::UnexpectedReply("OIDC_ISSUER"))?;
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &oidc.client_id)
        .append_pair("redirect_uri", &redirect_uri(&site))
        .append_pair("scope", "openid profile email")
        .append_pair("state", &login.state)
        .append_pair("nonce", &login.nonce)
        .append_pair("code_challenge", &encoded_hash(&hash(&login.verifier)))
        .append_pair("code_challenge_method", "S256");
    let mut response = see_other(url.as_str())?.empty();
    temporary(&mut response, &site, Temporary::Oidc, Some(&login.cookie()))?;
    // Encode characters that a cookie cannot hold. The path is checked again when the browser comes back.
    let kept = return_to.replace(';', "%3B").replace(',', "%2C");
    temporary(
        &mut response,
        &site,
        Temporary::ReturnTo,
        Some(kept.as_str()).filter(|kept| kept.len() <= MAX_RETURN_BYTES),
    )?;
    Ok(response)
}

/// `GET /login/oidc/callback`: the browser comes back from the provider.
pub async fn callback(request: &Request, env: &Env) -> Result<Response, Error> {
    let config = Config::of(env);
    let (site, oidc) = (Site::of(request, &config)?, configured(&config)?);
    let return_to = return_path(&site, Temporary::ReturnTo.of(request, &site)?.as_deref());
    let mut response = match user(request, &site, oidc).await? {
        SignIn::As(claims) => {
            let username = Username::of_identity(&oidc.issuer, &claims.sub);
            let account = Account::named(env, &username)?;
            let command = Command::SignInAs { username, display_name: claims.about.display_name() };
            match account.ask(&command).await? {
                Reply::SessionStarted { session, .. } => {
                    let credential = account.credential(CredentialKind::Session, &session);
                    start_session(see_other(&return_to)?, &site, &credential)?.empty()
                }
                // The account is being deleted right now.
                Reply::NameTaken => {
                    screens::login(request, env, &site, None, &return_to, "", Some(BEING_DELETED)).await?
                }
                _ => return Err(Error::UnexpectedReply("Account")),
            }
        }
        SignIn::Refused { shown, reason } => {
            console_log!("sign-in with the provider refused: {reason}");
            screens::login(request, env, &site, None, &return_to, "", Some(shown)).await?
        }
    };
    // Each start allows one attempt.
    temporary(&mut response, &site, Temporary::Oidc, None)?;
    temporary(&mut response, &site, Temporary::ReturnTo, None)?;
    Ok(response)
}

/// Verifies the provider's answer.
async fn user(request: &Request, site: &Site, oidc: &Oidc) -> Result<SignIn, Error> {
    let refused = |shown, reason: &str| Ok(SignIn::Refused { shown, reason: reason.to_owned() });
    let query = Parameters::parse(request.url()?.query().unwrap_or_default());
    let login = Temporary::Oidc.of(request, site)?.and_then(|cookie| LoginState::from_cookie(&cookie));
    let Some(login) = login else { return refused(NOT_STARTED_HERE, "no cookie") };
    let state = query.optional("state")?.unwrap_or_default();
    if !bool::from(state.as_bytes().ct_eq(login.state.as_bytes())) {
        return refused(NOT_STARTED_HERE, "another state");
    }
    let metadata = Metadata::of(oidc).await?;
    match query.optional("iss")? {
        Some(issuer) if issuer != oidc.issuer => return refused(NOT_TRUSTWORTHY, "an answer of another issuer"),
        None if metadata.answers_with_issuer => return refused(NOT_TRUSTWORTHY, "an answer without iss"),
        _ => {}
    }
    let Some(code) = query.optional("code")? else {
        return refused(NOT_SIGNED_IN, query.optional("error")?.unwrap_or("no code"));
    };
    let exchange = Exchange { code, verifier: &login.verifier, redirect_uri: &redirect_uri(site) };
    let tokens = match metadata.exchange(oidc, &exchange).await {
        Err(Error::OtherServer(reason)) => return refused(NOT_SIGNED_IN, &reason),
        tokens => tokens?,
    };
    let mut claims = match verify_id_token(&metadata, oidc, &login, &tokens.id_token).await? {
        SignIn::As(claims) => claims,
        refused => return Ok(refused),
    };
    if claims.about.email.is_none() || claims.about.preferred_username.is_none() {
        let more = metadata.about(&tokens, &claims.sub).await?;
        claims.about.complete(more);
    }
    if !claims.about.is_allowed(&oidc.allow) {
        return refused(NOT_ALLOWED, "nothing in OIDC_ALLOW lets this user in");
    }
    Ok(SignIn::As(claims))
}

/// The claims of an ID token that the provider has signed for this sign-in (OpenID Connect Core section 3.1.3.7).
async fn verify_id_token(metadata: &Metadata, oidc: &Oidc, login: &LoginState, text: &str) -> Result<SignIn, Error> {
    let refused = |error: IdTokenError| Ok(SignIn::Refused { shown: NOT_TRUSTWORTHY, reason: error.to_string() });
    let token = match IdToken::parse(text) {
        Ok(token) => token,
        Err(error) => return refused(error),
    };
    if !metadata.has_signed(&token).await? {
        return refused(IdTokenError::Signature);
    }
    #[allow(clippy::cast_precision_loss)] // Exact until the year 287396.
    let now_s = now_ms() as f64 / 1000.0;
    let expected = Expected { issuer: &oidc.issuer, client_id: &oidc.client_id, nonce: &login.nonce, now_s };
    match token.claims.check(&expected) {
        Ok(()) => Ok(SignIn::As(Box::new(token.claims))),
        Err(error) => refused(error),
    }
}

fn configured(config: &Config) -> Result<&Oidc, Error> {
    let missing = || Error::new(Code::InvalidRequest, "this server has no provider to sign in with");
    config.oidc.as_ref().ok_or_else(missing)
}

/// Where the provider redirects to. It must be registered there.
fn redirect_uri(site: &Site) -> String {
    format!("{}{CALLBACK}", site.here)
}
