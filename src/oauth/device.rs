//! Signing a device in that has no browser (RFC 8628): it shows a code, its owner types it in on a phone.
//!
//! The code leads to an object of its own, which lives for ten minutes. Its name is made with a key of this server, so
//! that whoever reads the names of objects learns no code.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bus_core::accounts::{Command as AccountCommand, Reply as AccountReply};
use bus_core::codes::Exchange;
use bus_core::device::{Command, INTERVAL_MS, LIFETIME_MS, Reply, Requested, shown, user_code};
use bus_core::grants::Refusal;
use bus_core::scopes::Scopes;
use durable::runtime::WebCrypto;
use serde_json::json;
use worker::{Env, Method, ObjectId, Request, Response, Stub};

use crate::config::Config;
use crate::oauth::account::{Account, Kind, id_at, route, split};
use crate::oauth::client::Client;
use crate::oauth::client_auth;
use crate::oauth::error::{Code, Error, no_store};
use crate::oauth::form::{Parameters, expect_method, form};
use crate::oauth::issue::{refused, tokens};
use crate::oauth::keys::{Keys, sign};
use crate::oauth::object;
use crate::oauth::token::check_resources;
use crate::site::Site;

pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const BINDING: &str = "DEVICE_SIGN_IN";
/// Codes are tried until one is free, which nearly always is the first.
const TRIES: usize = 4;

/// The object behind a user code, or behind a device code.
pub struct Device {
    stub: Stub,
    id: String,
}

impl Device {
    /// The objects that a user code may lead to: one for each key that names may have been made with.
    pub async fn coded(env: &Env, code: &str) -> Result<Vec<Self>, Error> {
        let keys = Keys::kept(env).await?;
        keys.form.iter().map(|(_, key)| Self::named(env, key, code)).collect()
    }

    fn named(env: &Env, key: &[u8], code: &str) -> Result<Self, Error> {
        let name = URL_SAFE_NO_PAD.encode(sign(key, &["user code", code])?);
        Self::of(&env.durable_object(BINDING)?.id_from_name(&name)?)
    }

    fn of(id: &ObjectId<'_>) -> Result<Self, Error> {
        Ok(Self { stub: id.get_stub()?, id: id.to_string() })
    }

    pub async fn ask(&self, command: &Command) -> Result<Reply, Error> {
        object::ask(&self.stub, "DeviceSignIn", "https://device/command", command).await
    }
}

/// `POST /device_authorization` (section 3.1).
pub async fn authorization(request: &mut Request, env: &Env) -> Result<Response, Error> {
    expect_method(request, &[Method::Post], "POST")?;
    let site = Site::of(request, &Config::of(env))?;
    let parameters = form(request).await?;
    let client_id = client_auth::authenticate(request, &parameters, env).await?;
    check_resources(&parameters, &site)?;
    let scopes = parameters.optional("scope")?.map_or(Scopes::ALL, Scopes::known);
    if scopes.is_empty() {
        let description = "scope must name at least one of bus:read, bus:dispatch, peer";
        return Err(Error::new(Code::InvalidScope, description));
    }
    let unknown = || Error::new(Code::InvalidClient, "client_id is not of a client known here");
    let client = Client::find(&client_id, env, &site).await?.ok_or_else(unknown)?;
    let requested = Requested {
        client_id,
        client_name: client.name,
        publisher: client.publisher,
        scopes,
        audience: site.issuer.clone(),
    };
    let (code, device, secret) = begin(env, requested).await?;
    let device_code =
        format!("{}{}.{secret}", Kind::DeviceCode.prefix(), route(&device.id).ok_or(Error::Senseless("ObjectId"))?);
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

async fn begin(env: &Env, requested: Requested) -> Result<(String, Device, String), Error> {
    let keys = Keys::kept(env).await?;
    let (_, key) = crate::oauth::keys::newest(&keys.form)?;
    for _ in 0..TRIES {
        let code = user_code(&mut WebCrypto).map_err(|_| Error::Senseless("WebCrypto"))?;
        let device = Device::named(env, key, &code)?;
        match device.ask(&Command::Begin { requested: requested.clone() }).await? {
            Reply::Begun { secret } => return Ok((code, device, secret)),
            Reply::Occupied => {}
            _ => return Err(Error::Senseless("DeviceSignIn")),
        }
    }
    Err(Error::Senseless("DeviceSignIn"))
}

/// The device asks at the token endpoint (sections 3.4 and 3.5).
pub async fn token(
    parameters: &Parameters,
    env: &Env,
    config: &Config,
    site: &Site,
    client_id: String,
) -> Result<Response, Error> {
    const WHAT: &str = "device code";
    let Some((route, secret)) = split(Kind::DeviceCode, parameters.required("device_code")?) else {
        return Err(refused(Refusal::Unknown, WHAT));
    };
    // The runtime knows its own ids: one that was made up wakes no object.
    let id = id_at(route).and_then(|id| Some((env.durable_object(BINDING).ok()?, id)));
    let Some(device) = id.and_then(|(namespace, id)| Some(Device::of(&namespace.id_from_string(&id).ok()?))) else {
        return Err(refused(Refusal::Unknown, WHAT));
    };
    let poll = Command::Poll { secret: secret.to_owned(), client_id: client_id.clone() };
    let account = match device?.ask(&poll).await? {
        Reply::Allowed { account } => account,
        Reply::Pending => return Err(Error::new(Code::AuthorizationPending, "nobody has decided yet: ask again")),
        Reply::SlowDown => {
            let description = "asked too soon: wait 5 seconds longer between questions from now on";
            return Err(Error::new(Code::SlowDown, description));
        }
        Reply::Denied => return Err(Error::new(Code::AccessDenied, "the user has not allowed it")),
        Reply::Expired => return Err(Error::new(Code::ExpiredToken, "the device code has expired: begin anew")),
        Reply::Refused => return Err(refused(Refusal::Unknown, WHAT)),
        _ => return Err(Error::Senseless("DeviceSignIn")),
    };
    let account = Account::at(env, &account)?.ok_or(Error::Senseless("DeviceSignIn"))?;
    let (code, code_verifier) = (secret.to_owned(), secret.to_owned());
    let exchange = Exchange { code, client_id, redirect_uri: None, code_verifier, audiences: site.audiences() };
    match account.ask(&AccountCommand::Exchange(exchange)).await? {
        AccountReply::Granted { owner, granted } => tokens(env, config, &account, owner, granted, false).await,
        AccountReply::Refused { reason } => Err(refused(reason, WHAT)),
        _ => Err(Error::Senseless("Account")),
    }
}
