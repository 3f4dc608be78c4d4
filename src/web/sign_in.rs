//! `/login` and `/logout`: start and end a browser's session.

use account::accounts::{AfterLogin, From, InBrowser, Reply};
use account::passwords::MAX_BYTES;
use account::usernames::Username;
use worker::{Env, Response};

use crate::config::Config;
use crate::http::error::{Code, Error};
use crate::http::limits;
use crate::http::parameters::Parameters;
use crate::http::redirect::see_other;
use crate::oauth::authorization_request::find_trusted;
use crate::oauth::password::{self, attempt};
use crate::objects::account::CredentialKind;
use crate::request::Request;
use crate::routes::Page;
use crate::site::Site;
use crate::web::browser::{Session, end_session, start_session};
use crate::web::known_browser::KnownBrowser;
use crate::web::notifications::here;
use crate::web::posted_form::PostedForm;
use crate::web::return_to::return_path;
use crate::web::screens;

const WRONG: &str = "User name or password is wrong.";

pub async fn login(request: &mut Request, env: &Env) -> Result<Response, Error> {
    let config = Config::of(env);
    let site = Site::of(request, &config)?;
    if let Some(form) = PostedForm::of(request, &site).await? {
        return sign_in(request, env, &config, &site, form).await;
    }
    let query = Parameters::parse(request.url()?.query().unwrap_or_default());
    let return_to = return_path(&site, query.optional("return_to")?);
    match Session::of(request, env, &site).await? {
        Some(session) if return_to == "/login" => screens::signed_in(env, &site, &session).await,
        Some(_) => Ok(see_other(&return_to)?.empty()),
        None => screens::login(request, env, &site, None, &return_to, "", None).await,
    }
}

async fn sign_in(
    request: &Request,
    env: &Env,
    config: &Config,
    site: &Site,
    form: PostedForm,
) -> Result<Response, Error> {
    if !config.password_login {
        return Err(Error::new(Code::AccessDenied, password::SWITCHED_OFF));
    }
    let requested = form.unchecked("return_to")?.unwrap_or("/login").to_owned();
    let requested = requested.as_str();
    let parameters = form.of_browser(env, Page::SignIn, requested).await?;
    let return_to = return_path(site, Some(requested));
    let typed = parameters.optional("username")?.unwrap_or_default();
    let password = parameters.optional("password")?.unwrap_or_default();
    let username = match Username::parse(typed.trim()) {
        Ok(username) if !password.is_empty() && password.len() <= MAX_BYTES => username,
        _ => return again(request, env, site, requested, "").await,
    };
    let name = username.to_string();
    let browser = KnownBrowser::of(request, env, site, &name).await?;
    let from = From { address: limits::short_address(request)?, browser: browser.as_ref().map(KnownBrowser::id) };
    let command = attempt(config, site, (username, password.to_owned()), AfterLogin::Session, from);
    let (account, reply) = password::sign_in(env, &command).await?;
    match reply {
        Reply::SessionStarted { session, .. } => {
            // Each login starts a new session, so that a planted one (session fixation) is useless.
            let credential = account.credential(CredentialKind::Session, &session);
            let mut response = start_session(see_other(&return_to)?, site, &credential)?.empty();
            if browser.is_none() {
                KnownBrowser::remember(&mut response, env, site, &name).await?;
            }
            Ok(response)
        }
        Reply::WrongCredentials => again(request, env, site, requested, &name).await,
        _ => Err(Error::UnexpectedReply("Account")),
    }
}

/// The page after a failed attempt. It names the client that waits once more, and its policy lets the browser go on
/// there: a remembered client is redirected to without another page.
async fn again(request: &Request, env: &Env, site: &Site, return_to: &str, username: &str) -> Result<Response, Error> {
    let trusted = match return_to.strip_prefix("/authorize?") {
        Some(query) => find_trusted(query, env, site).await.ok(),
        None => None,
    };
    let pending = trusted
        .as_ref()
        .map(|trusted| screens::PendingClient { client: &trusted.client.name, destination: &trusted.destination });
    screens::login(request, env, site, pending.as_ref(), return_to, username, Some(WRONG)).await
}

pub async fn logout(request: &mut Request, env: &Env) -> Result<Response, Error> {
    let site = Site::of(request, &Config::of(env))?;
    let form = PostedForm::of(request, &site).await?;
    let return_to = match &form {
        Some(form) => return_path(&site, form.unchecked("return_to")?),
        None => return_path(&site, None),
    };
    let mut was_told = false;
    if let (Some(session), Some(form)) = (Session::of(request, env, &site).await?, form) {
        form.of_session(env, Page::SignOut, &session, "").await?;
        was_told = here::signed_out(request, env, &site, &session.owner.user_id).await?;
        session.account.ask(&InBrowser::SignOut.by(session.secret())).await?;
    }
    let mut response = end_session(see_other(&return_to)?, &site)?.empty();
    if was_told {
        here::forget(&mut response, &site)?;
    }
    Ok(response)
}
