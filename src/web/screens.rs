//! Renders the sign-in pages and notices, with their form tokens and headers.

use askama::Template;
use kernel::access::Access;
use kernel::scopes::Scopes;
use url::form_urlencoded::byte_serialize;
use worker::{Env, Response, console_error};

use crate::config::{Config, Oidc, Signup};
use crate::http::error::{Code, Error};
use crate::oauth::client::PASSWORD_CLIENT_NAME;
use crate::oauth::redirect_uri::Destination;
use crate::objects::key_ring::Keys;
use crate::request::Request;
use crate::routes::Page;
use crate::site::Site;
use crate::web::browser::{Session, end_session, form_cookie, page};
use crate::web::pages::sign_in::{Login, Notice, SignedIn};
use crate::web::posted_form::form_token;

/// The client that waits for the login.
pub struct PendingClient<'a> {
    pub client: &'a str,
    pub destination: &'a Destination,
}

/// The login page. With `error`, after a failed attempt, its status is 403.
pub async fn login(
    request: &Request,
    env: &Env,
    site: &Site,
    pending: Option<&PendingClient<'_>>,
    return_to: &str,
    username: &str,
    error: Option<&str>,
) -> Result<Response, Error> {
    let (holder, set_cookie) = form_cookie(request, site)?;
    let form_token = form_token(&*Keys::load(env).await?, Page::SignIn, &holder, return_to)?;
    let client = pending.map(|pending| named(pending.client));
    let config = Config::of(env);
    let provider = config.oidc.as_ref().map(Oidc::shown_name);
    let html = render(&Login {
        client,
        error,
        username,
        return_to,
        encoded_return_to: &byte_serialize(return_to.as_bytes()).collect::<String>(),
        provider: provider.as_deref(),
        password: config.password_login,
        may_sign_up: config.password_login && config.signup != Signup::Closed,
        form_token: &form_token,
    })?;
    let status = if error.is_some() { 403 } else { 200 };
    let mut response = page(status, Some(site), pending.map(|pending| pending.destination))?;
    if let Some(header) = set_cookie {
        response = response.with_header("set-cookie", &header)?;
    }
    Ok(response.fixed(html.into_bytes()))
}

pub async fn signed_in(env: &Env, site: &Site, session: &Session) -> Result<Response, Error> {
    let token = form_token(&*Keys::load(env).await?, Page::SignOut, &session.credential, "")?;
    let html = render(&SignedIn { username: session.owner.shown(), sign_out_token: &token })?;
    Ok(page(200, Some(site), None)?.fixed(html.into_bytes()))
}

/// A page for an error that cannot be sent to a client.
pub fn refusal(error: &Error, site: Option<&Site>) -> worker::Result<Response> {
    let (status, _, description) = error.parts();
    let title = match error {
        Error::Forged => "That did not work",
        _ if status >= 500 => "The server cannot answer now",
        _ => "This request cannot be answered",
    };
    let made = render(&Notice::new(title, &description)).and_then(|html| {
        let mut response = page(status, site, None)?;
        if let Error::Rejected { code: Code::MethodNotAllowed(allowed), .. } = error {
            response = response.with_header("allow", allowed)?;
        }
        Ok(response.fixed(html.into_bytes()))
    });
    made.or_else(|_| Response::error(description, status))
}

/// The 404 page.
pub fn not_found() -> worker::Result<Response> {
    let text =
        "There is nothing at this address. It may have been mistyped, or belong to another version of this server.";
    let made = render(&Notice::new("There is no such page", text))
        .and_then(|html| Ok(page(404, None, None)?.fixed(html.into_bytes())));
    made.or_else(|_| Response::error("not found", 404))
}

/// The page of a share link that is none, or has ended: 404, and nothing of what it was for.
pub fn share_ended() -> Result<Response, Error> {
    let text = "It was ended, its time is over, or the address is not complete. Ask whoever sent it for another one.";
    let html = render(&Notice::new("This share has ended", text))?;
    Ok(page(404, None, None)?.with_header("referrer-policy", "no-referrer")?.fixed(html.into_bytes()))
}

/// The page after an account was deleted. Also ends the browser's session.
pub fn deleted(site: &Site) -> Result<Response, Error> {
    let text = "Everything it had is erased: what was on its bus, its clients, access tokens and invitations.";
    let html = render(&Notice::new("The account is deleted", text))?;
    Ok(end_session(page(200, Some(site), None)?, site)?.fixed(html.into_bytes()))
}

/// A page that says what was done.
pub fn notice(site: &Site, title: &str, text: &str) -> Result<Response, Error> {
    Ok(page(200, Some(site), None)?.fixed(render(&Notice::new(title, text))?.into_bytes()))
}

pub fn render(template: &impl Template) -> Result<String, Error> {
    template.render().map_err(|error| {
        console_error!("template: {error}");
        Error::UnexpectedReply("a template")
    })
}

pub fn named(name: &str) -> &str {
    if name.is_empty() { "A client without a name" } else { name }
}

/// A client by its name, for a sentence such as `made by ...`.
pub fn who(name: &str) -> &str {
    match name {
        "" => "a client without a name",
        PASSWORD_CLIENT_NAME => "a login with the password",
        name => name,
    }
}

/// What somebody with this access can do, in words.
pub fn abilities(access: &Access) -> Vec<String> {
    let bound = access.bound.iter().map(|bound| format!("all of this only with {}", bound.shown()));
    let scopes = [
        (Scopes::BUS_READ, "see your Blender sessions and what is in them"),
        (
            Scopes::BUS_DISPATCH,
            "run any command and any Python code in your Blender, with your rights on that computer",
        ),
        (Scopes::PEER, "attach to your bus as a Blender and answer commands meant for it"),
    ];
    let able = scopes.into_iter().filter(|(scope, _)| access.contains(*scope)).map(|(_, text)| text.to_owned());
    able.chain(bound).collect()
}

/// A date such as `2026-11-21`, UTC. `ms`: Unix milliseconds.
pub fn day(ms: i64) -> String {
    chrono::DateTime::from_timestamp(ms.div_euclid(1000), 0)
        .map(|time| time.date_naive().to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn a_day_is_written_as_iso_8601() {
        assert_eq!((day(0), day(1_795_219_200_000)), ("1970-01-01".to_owned(), "2026-11-21".to_owned()));
    }
}
