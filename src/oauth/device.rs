//! The device flow (RFC 8628), for devices without a browser: the device shows a code, and its owner enters it on a
//! phone.
//!
//! Codes live for ten minutes in Durable Objects that share them. A code is kept as an HMAC, so that what is stored reveals
//! no codes.

use account::accounts::{Command as AccountCommand, Reply as AccountReply};
use account::codes::Exchange;
use account::device::{Command, INTERVAL_MS, LIFETIME_MS, Reply, Requested, shown, user_code};
use account::grants::Refusal;
use kernel::access::Access;
use runtime::WebCrypto;
use serde_json::json;
use worker::{Env, Response};

use crate::config::Config;
use crate::http::body::form;
use crate::http::error::{Code, Error, no_store};
use crate::http::limits;
use crate::http::parameters::Parameters;
use crate::oauth::client::Client;
use crate::oauth::client_auth;
use crate::oauth::issue::{check_resources, refused, tokens};
use crate::objects::account::Account;
use crate::objects::device::Device;
use crate::objects::key_ring::{Keys, newest};
use crate::request::Request;
use crate::site::Site;

/// How many codes are tried until one is free; nearly always it is the first.
const TRIES: usize = 4;

/// `POST /device_authorization` (RFC 8628 section 3.1).
pub async fn authorization(request: &mut Request, env: &Env) -> Result<Response, Error> {
    let site = Site::of(request, &Config::of(env))?;
    let parameters = form(request).await?;
    let client_id = client_auth::authenticate(request, &parameters, env).await?;
    check_resources(&parameters, &site)?;
    let scopes = Access::requested(parameters.optional("scope")?)?;
    let unknown = || Error::new(Code::InvalidClient, "client_id is not known here");
    let client = Client::find(&client_id, env, &site).await?.ok_or_else(unknown)?;
    let requested = Requested {
        client_id,
        client_name: client.name,
        publisher: client.publisher,
        scopes,
        audience: site.issuer.clone(),
    };
    let (code, device, secret) = begin(env, requested, limits::short_address(request)?).await?;
    let device_code = device.credential(&secret);
    let code = shown(&code);
    Ok(no_store(Response::builder())?.from_json(&json!({
        "device_code": device_code,
        "user_code": code,
        "verification_uri": format!("{}/device", site.here),
        "verification_uri_complete": format!("{}/device?user_code={code}", site.here),
        "expires_in": LIFETIME_MS.div_euclid(1000),
        "interval": INTERVAL_MS.div_euclid(1000),
    }))?)
}

async fn begin(env: &Env, requested: Requested, network: String) -> Result<(String, Device, String), Error> {
    let keys = Keys::load(env).await?;
    let (_, key) = newest(&keys.form)?;
    for _ in 0..TRIES {
        let code = user_code(&mut WebCrypto).map_err(|_| Error::UnexpectedReply("WebCrypto"))?;
        let device = Device::named(key, &code)?;
        let begin = Command::Begin { requested: requested.clone(), network: network.clone() };
        match device.ask(env, begin).await? {
            Reply::Begun { secret } => return Ok((code, device, secret)),
            Reply::Occupied => {}
            _ => return Err(Error::UnexpectedReply("DeviceSignIn")),
        }
    }
    Err(Error::UnexpectedReply("DeviceSignIn"))
}

/// A token request of a device (RFC 8628 sections 3.4 and 3.5).
pub async fn token(
    parameters: &Parameters,
    env: &Env,
    config: &Config,
    site: &Site,
    client_id: String,
) -> Result<Response, Error> {
    const WHAT: &str = "device code";
    let Some((device, secret)) = Device::holding(env, parameters.required("device_code")?).await? else {
        return Err(refused(Refusal::Unknown, WHAT));
    };
    let poll = Command::Poll { secret: secret.to_owned(), client_id: client_id.clone() };
    let account = match device.ask(env, poll).await? {
        Reply::Allowed { account } => account,
        Reply::Pending => {
            return Err(Error::new(Code::AuthorizationPending, "the user has not decided yet: ask again"));
        }
        Reply::SlowDown => {
            let description = "polled too soon: wait 5 seconds longer between requests from now on";
            return Err(Error::new(Code::SlowDown, description));
        }
        Reply::Denied => return Err(Error::new(Code::AccessDenied, "the user has not allowed it")),
        Reply::Expired => return Err(Error::new(Code::ExpiredToken, "the device code has expired: start again")),
        Reply::Refused => return Err(refused(Refusal::Unknown, WHAT)),
        _ => return Err(Error::UnexpectedReply("DeviceSignIn")),
    };
    let account = Account::at(env, &account)?.ok_or(Error::UnexpectedReply("DeviceSignIn"))?;
    let (code, code_verifier) = (secret.to_owned(), secret.to_owned());
    let exchange = Exchange { code, client_id, redirect_uri: None, code_verifier, audiences: site.audiences() };
    match account.ask(&AccountCommand::Exchange(exchange)).await? {
        AccountReply::Granted { owner, granted } => tokens(env, config, &account, owner, granted, false).await,
        AccountReply::Refused { reason } => Err(refused(reason, WHAT)),
        _ => Err(Error::UnexpectedReply("Account")),
    }
}
