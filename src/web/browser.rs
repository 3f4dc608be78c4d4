//! Browser sessions, cookies, and the headers of pages.

use account::accounts::{InBrowser, Owner, Reply};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kernel::secrets::new_secret;
use runtime::WebCrypto;
use sha2::{Digest, Sha256};
use worker::{Env, Response, ResponseBuilder};

use crate::http::error::Error;
use crate::http::headers::HSTS;
use crate::oauth::redirect_uri::Destination;
use crate::objects::account::{Account, CredentialKind};
use crate::request::Request;
use crate::site::Site;
use crate::web::pages::{STYLE, Script};

const FORM_COOKIE: &str = "form";

/// A signed-in browser.
pub struct Session {
    pub owner: Owner,
    /// What the cookie holds.
    pub credential: String,
    pub account: Account,
}

impl Session {
    /// The session of a request, if it has a valid one.
    pub async fn of(request: &Request, env: &Env, site: &Site) -> Result<Option<Self>, Error> {
        let Some(credential) = cookie(request, &session_cookie(site))? else { return Ok(None) };
        let Some((account, secret)) = Account::holding(env, CredentialKind::Session, &credential)? else {
            return Ok(None);
        };
        match account.ask(&InBrowser::Who.by(secret)).await? {
            Reply::Owner { owner } => Ok(Some(Self { owner, account, credential })),
            Reply::NoSession => Ok(None),
            _ => Err(Error::UnexpectedReply("Account")),
        }
    }

    /// The secret part of the credential, as the account knows it.
    pub fn secret(&self) -> &str {
        self.credential.split_once('.').map_or("", |(_, secret)| secret)
    }
}

/// `__Host-` makes browsers reject the cookie from another host or over plain http. Loopback without TLS cannot use it.
pub fn cookie_name(site: &Site, name: &str) -> String {
    if site.is_https() { format!("__Host-bmcp_{name}") } else { format!("bmcp_{name}") }
}

fn session_cookie(site: &Site) -> String {
    cookie_name(site, "session")
}

pub fn set_cookie(site: &Site, name: &str, value: &str, max_age_s: i64) -> String {
    let secure = if site.is_https() { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}")
}

pub fn start_session(response: ResponseBuilder, site: &Site, credential: &str) -> Result<ResponseBuilder, Error> {
    let seconds = account::browser_sessions::LIFETIME_MS.div_euclid(1000);
    Ok(response.with_header("set-cookie", &set_cookie(site, &session_cookie(site), credential, seconds))?)
}

pub fn end_session(response: ResponseBuilder, site: &Site) -> Result<ResponseBuilder, Error> {
    Ok(response.with_header("set-cookie", &set_cookie(site, &session_cookie(site), "", 0))?)
}

/// A cookie that lives ten minutes, while the browser visits another server.
#[derive(Debug, Clone, Copy)]
pub enum Temporary {
    Oidc,
    ReturnTo,
}

impl Temporary {
    const fn name(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::ReturnTo => "return",
        }
    }

    pub fn of(self, request: &Request, site: &Site) -> Result<Option<String>, Error> {
        cookie(request, &cookie_name(site, self.name()))
    }
}

/// Sets a temporary cookie, or clears it.
pub fn temporary(response: &mut Response, site: &Site, kept: Temporary, value: Option<&str>) -> Result<(), Error> {
    let max_age_s = if value.is_some() { 600 } else { 0 };
    let header = set_cookie(site, &cookie_name(site, kept.name()), value.unwrap_or_default(), max_age_s);
    Ok(response.headers_mut().append("set-cookie", &header)?)
}

/// The form cookie of a browser, if it has one.
pub fn known_form_cookie(request: &Request, site: &Site) -> Result<Option<String>, Error> {
    let value = cookie(request, &cookie_name(site, FORM_COOKIE))?;
    Ok(value.filter(|value| URL_SAFE_NO_PAD.decode(value).is_ok()))
}

/// The form cookie, which identifies a browser before it has signed in, and the header to set if it is new.
pub fn form_cookie(request: &Request, site: &Site) -> Result<(String, Option<String>), Error> {
    if let Some(value) = known_form_cookie(request, site)? {
        return Ok((value, None));
    }
    let value = new_secret(&mut WebCrypto).map_err(|_| Error::UnexpectedReply("WebCrypto"))?;
    let header = set_cookie(site, &cookie_name(site, FORM_COOKIE), &value, 3600);
    Ok((value, Some(header)))
}

/// A cookie of the request.
pub fn cookie(request: &Request, name: &str) -> Result<Option<String>, Error> {
    let header = request.headers().get("cookie")?.unwrap_or_default();
    Ok(cookie_value(&header, name).map(str::to_owned))
}

fn cookie_value<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).find(|value| !value.is_empty())
}

/// The response for a page. Its policy forbids loading, running and framing anything. Its forms may go to this server,
/// which may redirect to `destination`: browsers apply `form-action` to redirects too.
pub fn page(status: u16, site: Option<&Site>, destination: Option<&Destination>) -> Result<ResponseBuilder, Error> {
    page_running(status, site, destination, None)
}

/// The response for a page that runs one script.
pub fn page_running(
    status: u16,
    site: Option<&Site>,
    destination: Option<&Destination>,
    script: Option<&Script>,
) -> Result<ResponseBuilder, Error> {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    let runs = script
        .map(|script| format!("; script-src 'sha256-{}'{}", hash(&script.text()), script.needs))
        .unwrap_or_default();
    let onward = destination.map(|destination| format!(" {}", destination.form_action())).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'{runs}; form-action 'self'{onward}; frame-ancestors 'none'; \
         base-uri 'none'",
        hash(STYLE)
    );
    let mut response = Response::builder()
        .with_status(status)
        .with_header("content-type", "text/html; charset=utf-8")?
        .with_header("content-security-policy", &policy)?
        .with_header("x-frame-options", "DENY")?
        .with_header("x-content-type-options", "nosniff")?
        .with_header("referrer-policy", "same-origin")?
        .with_header("cache-control", "no-store")?;
    if site.is_some_and(Site::is_https) {
        response = response.with_header(HSTS.0, HSTS.1)?;
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::cookie_value;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let header = "a=1; xbmcp_session=2; bmcp_session=; bmcp_session=3=4 ;bmcp_session=5";
        assert_eq!(cookie_value(header, "bmcp_session"), Some("3=4"));
        assert_eq!(cookie_value("", "bmcp_session"), None);
    }
}
