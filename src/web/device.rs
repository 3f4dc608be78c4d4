//! `/device`: where the owner of a device types its code in and decides (RFC 8628 section 3.3).
//!
//! A link may bring the code along, but looking it up and deciding each take a press of a button: a link that somebody
//! sends does nothing by itself.
use account::accounts::{Command as AccountCommand, Reply as AccountReply};
use account::device::{Command, Reply, Requested, shown, typed_code};
use account::grants::Permission;
use worker::{Env, Method, Request, Response};

use crate::config::Config;
use crate::http::error::Error;
use crate::http::form::{Parameters, expect_method, form};
use crate::http::redirect::see_other;
use crate::objects::device::Device;
use crate::objects::key_ring::Keys;
use crate::site::Site;
use crate::web::browser::{FormFor, Session, form_token, form_token_is_right, is_same_origin, page};
use crate::web::pages::STYLE;
use crate::web::pages::device::{DeviceCode, DeviceConsent};
use crate::web::screens;

const UNKNOWN: &str = "No device is waiting with this code. Codes end after ten minutes: look at the device again.";
const PAUSED: &str = "Too many wrong codes. Wait some minutes and try again.";

pub async fn device(request: &mut Request, env: &Env) -> Result<Response, Error> {
    expect_method(request, &[Method::Get, Method::Head, Method::Post], "GET, HEAD, POST")?;
    let site = Site::of(request, &Config::of(env))?;
    let (posted, parameters) = match request.method() {
        Method::Post => (true, form(request).await?),
        _ => (false, Parameters::parse(request.url()?.query().unwrap_or_default())),
    };
    let code = parameters.optional("user_code")?.and_then(typed_code);
    let Some(session) = Session::of(request, env, &site).await? else {
        let query = code.map(|code| format!("%3Fuser_code%3D{}", shown(&code))).unwrap_or_default();
        return Ok(see_other(&format!("/login?return_to=/device{query}"))?.empty());
    };
    let asked = Asked { env, site: &site, session: &session };
    if !posted {
        return asked.for_code(code.as_deref(), None).await;
    }
    let decision = parameters.optional("decision")?;
    let subject = if decision.is_some() { code.as_deref().unwrap_or_default() } else { "" };
    let purpose = if decision.is_some() { FormFor::Device } else { FormFor::DeviceCode };
    let token = parameters.optional("form_token")?.unwrap_or_default();
    let keys = Keys::kept(env).await?;
    let right = form_token_is_right(&keys, purpose, &session.credential, subject, token)?;
    if !right || !is_same_origin(request, &site)? {
        return screens::forged(&site);
    }
    match (code, decision) {
        (None, _) => asked.for_code(None, Some(UNKNOWN)).await,
        (Some(code), None) => asked.look(&code).await,
        (Some(code), Some(decision)) => asked.decide(&code, decision == "allow").await,
    }
}

/// Who asks, where.
struct Asked<'a> {
    env: &'a Env,
    site: &'a Site,
    session: &'a Session,
}

impl Asked<'_> {
    async fn for_code(&self, code: Option<&str>, error: Option<&str>) -> Result<Response, Error> {
        let keys = Keys::kept(self.env).await?;
        let html = screens::render(&DeviceCode {
            style: STYLE,
            username: self.session.owner.shown(),
            code: &code.map(shown).unwrap_or_default(),
            error,
            form_token: &form_token(&keys, FormFor::DeviceCode, &self.session.credential, "")?,
            sign_out_token: &form_token(&keys, FormFor::SignOut, &self.session.credential, "")?,
        })?;
        let status = if error.is_some() { 403 } else { 200 };
        Ok(page(status, Some(self.site), None)?.fixed(html.into_bytes()))
    }

    /// Shows what there is to decide on. Whoever types codes at random is slowed down: each is counted until it is right.
    async fn look(&self, code: &str) -> Result<Response, Error> {
        let secret = self.session.secret();
        match self.session.account.ask(&AccountCommand::TryDeviceCode { session: secret.to_owned() }).await? {
            AccountReply::Done => {}
            AccountReply::Paused => return self.for_code(None, Some(PAUSED)).await,
            AccountReply::NoSession => return Ok(see_other("/login?return_to=/device")?.empty()),
            _ => return Err(Error::Senseless("Account")),
        }
        let Some(found) = self.find(code).await? else { return self.for_code(None, Some(UNKNOWN)).await };
        self.session.account.ask(&AccountCommand::FoundDeviceCode { session: secret.to_owned() }).await?;
        let keys = Keys::kept(self.env).await?;
        let requested = &found.requested;
        let html = screens::render(&DeviceConsent {
            style: STYLE,
            client: screens::named(&requested.client_name),
            publisher: requested.publisher.as_deref(),
            username: self.session.owner.shown(),
            code: &shown(code),
            abilities: &screens::abilities(requested.scopes),
            form_token: &form_token(&keys, FormFor::Device, &self.session.credential, code)?,
            sign_out_token: &form_token(&keys, FormFor::SignOut, &self.session.credential, "")?,
        })?;
        Ok(page(200, Some(self.site), None)?.fixed(html.into_bytes()))
    }

    async fn decide(&self, code: &str, allow: bool) -> Result<Response, Error> {
        let Some(found) = self.find(code).await? else { return self.for_code(None, Some(UNKNOWN)).await };
        if allow {
            let Requested { client_id, client_name, scopes, audience, publisher: _ } = found.requested;
            let command = AccountCommand::AllowDevice {
                session: self.session.secret().to_owned(),
                permission: Permission { client_id, client_name, scopes, audience },
                secret_hash: found.secret_hash,
                lifetime_ms: found.left_ms,
            };
            match self.session.account.ask(&command).await? {
                AccountReply::Done => {}
                AccountReply::NoSession => return Ok(see_other("/login?return_to=/device")?.empty()),
                _ => return Err(Error::Senseless("Account")),
            }
        }
        let account = allow.then(|| self.session.account.route().to_owned());
        match found.device.ask(&Command::Decide { account }).await? {
            Reply::Done if allow => screens::notice(
                self.site,
                "The device is signed in",
                "Go back to it: it goes on by itself in a moment.",
            ),
            Reply::Done => {
                screens::notice(self.site, "The device is not signed in", "It has been told that you said no.")
            }
            _ => self.for_code(None, Some(UNKNOWN)).await,
        }
    }

    async fn find(&self, code: &str) -> Result<Option<Found>, Error> {
        for device in Device::coded(self.env, code).await? {
            match device.ask(&Command::Look).await? {
                // A code is for the server that gave it out, under whichever of its names.
                Reply::Asked { requested, secret_hash, left_ms }
                    if self.site.audiences().contains(&requested.audience) =>
                {
                    return Ok(Some(Found { device, requested, secret_hash, left_ms }));
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

/// A device that waits for a decision.
struct Found {
    device: Device,
    requested: Requested,
    secret_hash: String,
    left_ms: i64,
}
