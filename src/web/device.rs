//! `/device`: the owner of a device enters its code and decides (RFC 8628 section 3.3).
//!
//! A link may contain the code, but looking it up and deciding each need a button press, so a link from someone else
//! does nothing by itself.

use account::accounts::{InBrowser, Reply as AccountReply};
use account::device::{Command, Reply, Requested, shown, typed_code};
use account::grants::Permission;
use worker::{Env, Response};

use crate::config::Config;
use crate::http::error::Error;
use crate::http::parameters::Parameters;
use crate::http::redirect::see_other;
use crate::objects::device::Device;
use crate::objects::key_ring::Keys;
use crate::request::Request;
use crate::routes::Page;
use crate::site::Site;
use crate::web::browser::{Session, page};
use crate::web::pages::device::{DeviceCode, DeviceConsent};
use crate::web::posted_form::{PostedForm, form_token};
use crate::web::return_to::sign_in_first;
use crate::web::screens;

const UNKNOWN: &str = "No device is waiting with this code. Codes expire after ten minutes: look at the device again.";
const PAUSED: &str = "Too many wrong codes. Wait some minutes and try again.";

pub async fn device(request: &mut Request, env: &Env) -> Result<Response, Error> {
    let site = Site::of(request, &Config::of(env))?;
    let posted = PostedForm::of(request, &site).await?;
    let query = Parameters::parse(request.url()?.query().unwrap_or_default());
    let typed = posted.as_ref().map_or_else(|| query.optional("user_code"), |form| form.unchecked("user_code"));
    let code = typed?.and_then(typed_code);
    let Some(session) = Session::of(request, env, &site).await? else {
        let query = code.map(|code| format!("%3Fuser_code%3D{}", shown(&code))).unwrap_or_default();
        return Ok(see_other(&format!("/login?return_to=/device{query}"))?.empty());
    };
    let dialog = DeviceDialog { env, site: &site, session: &session };
    let Some(form) = posted else {
        return dialog.for_code(code.as_deref(), None).await;
    };
    // The form that asks for a code is bound to nothing; the form that decides is bound to the code that was looked up.
    let subject = form.unchecked("decision")?.and(code.as_deref()).unwrap_or_default();
    let parameters = form.of_session(env, Page::Device, &session, subject).await?;
    match (code, parameters.optional("decision")?) {
        (None, _) => dialog.for_code(None, Some(UNKNOWN)).await,
        (Some(code), None) => dialog.look(&code).await,
        (Some(code), Some(decision)) => dialog.decide(&code, decision == "allow").await,
    }
}

/// The context of one request.
struct DeviceDialog<'a> {
    env: &'a Env,
    site: &'a Site,
    session: &'a Session,
}

impl DeviceDialog<'_> {
    async fn for_code(&self, code: Option<&str>, error: Option<&str>) -> Result<Response, Error> {
        let keys = Keys::load(self.env).await?;
        let html = screens::render(&DeviceCode {
            username: self.session.owner.shown(),
            code: &code.map(shown).unwrap_or_default(),
            error,
            form_token: &form_token(&keys, Page::Device, &self.session.credential, "")?,
            sign_out_token: &form_token(&keys, Page::SignOut, &self.session.credential, "")?,
        })?;
        let status = if error.is_some() { 403 } else { 200 };
        Ok(page(status, Some(self.site), None)?.fixed(html.into_bytes()))
    }

    /// Shows what there is to decide on. Each attempt is counted before it is checked, which slows down guessing.
    async fn look(&self, code: &str) -> Result<Response, Error> {
        let secret = self.session.secret();
        match self.session.account.ask(&InBrowser::TryDeviceCode.by(secret)).await? {
            AccountReply::Done => {}
            AccountReply::Paused => return self.for_code(None, Some(PAUSED)).await,
            AccountReply::NoSession => return sign_in_first(Page::Device),
            _ => return Err(Error::UnexpectedReply("Account")),
        }
        let Some(found) = self.find(code).await? else { return self.for_code(None, Some(UNKNOWN)).await };
        self.session.account.ask(&InBrowser::FoundDeviceCode.by(secret)).await?;
        let keys = Keys::load(self.env).await?;
        let requested = &found.requested;
        let html = screens::render(&DeviceConsent {
            client: screens::named(&requested.client_name),
            publisher: requested.publisher.as_deref(),
            username: self.session.owner.shown(),
            code: &shown(code),
            abilities: &screens::abilities(&requested.scopes),
            form_token: &form_token(&keys, Page::Device, &self.session.credential, code)?,
            sign_out_token: &form_token(&keys, Page::SignOut, &self.session.credential, "")?,
        })?;
        Ok(page(200, Some(self.site), None)?.fixed(html.into_bytes()))
    }

    async fn decide(&self, code: &str, allow: bool) -> Result<Response, Error> {
        let Some(found) = self.find(code).await? else { return self.for_code(None, Some(UNKNOWN)).await };
        if allow {
            let Requested { client_id, client_name, scopes, audience, publisher: _ } = found.requested;
            let command = InBrowser::AllowDevice {
                permission: Permission { client_id, client_name, scopes, audience },
                secret_hash: found.secret_hash,
                lifetime_ms: found.left_ms,
            }
            .by(self.session.secret());
            match self.session.account.ask(&command).await? {
                AccountReply::Done => {}
                AccountReply::NoSession => return sign_in_first(Page::Device),
                _ => return Err(Error::UnexpectedReply("Account")),
            }
        }
        let account = allow.then(|| self.session.account.route().to_owned());
        match found.device.ask(self.env, Command::Decide { account }).await? {
            Reply::Done if allow => screens::notice(
                self.site,
                "The device is signed in",
                "Go back to it: it continues by itself in a moment.",
            ),
            Reply::Done => {
                screens::notice(self.site, "The device is not signed in", "It has been told that you declined.")
            }
            _ => self.for_code(None, Some(UNKNOWN)).await,
        }
    }

    async fn find(&self, code: &str) -> Result<Option<Found>, Error> {
        for device in Device::coded(self.env, code).await? {
            match device.ask(self.env, Command::Look).await? {
                // A code is valid only on the server that issued it, under any of its names.
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

/// A device that is waiting for a decision.
struct Found {
    device: Device,
    requested: Requested,
    secret_hash: String,
    left_ms: i64,
}
