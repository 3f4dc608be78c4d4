//! `/signup`: creates an account for anyone `SIGNUP` allows, and for the first administrator with the setup code.

use account::accounts::{Command, Reply};
use account::key_ring::setup::Command as Setup;
use account::passwords::{MIN_CHARACTERS, is_acceptable};
use account::usernames::Username;
use worker::{Env, Response};

use crate::config::{Config, Signup};
use crate::http::error::{Code, Error};
use crate::http::parameters::Parameters;
use crate::http::redirect::see_other;
use crate::oauth::password;
use crate::objects::account::{Account, CredentialKind};
use crate::objects::key_ring::{Keys, ask_setup};
use crate::request::Request;
use crate::routes::Page;
use crate::site::Site;
use crate::web::browser::{form_cookie, page, start_session};
use crate::web::pages::account::SignUp;
use crate::web::posted_form::{PostedForm, form_token};
use crate::web::screens;

const NO_CODE: &str = "The code is unknown, used or expired.";
const TAKEN: &str = "The name is taken.";
const MAX_CODE_BYTES: usize = 200;

/// What allows creating an account.
enum Ticket {
    /// `SIGNUP` is `open`.
    Open,
    Setup,
    Invite {
        account: Account,
        secret: String,
    },
}

/// What the user filled in, to show it again.
#[derive(Default)]
struct Filled<'a> {
    username: &'a str,
    code: &'a str,
    error: Option<&'a str>,
}

pub async fn sign_up(request: &mut Request, env: &Env) -> Result<Response, Error> {
    let config = Config::of(env);
    let site = Site::of(request, &config)?;
    if !config.password_login {
        return Err(Error::new(Code::AccessDenied, password::SWITCHED_OFF));
    }
    let Some(form) = PostedForm::of(request, &site).await? else {
        let query = Parameters::parse(request.url()?.query().unwrap_or_default());
        let code = query.optional("code")?.filter(|code| code.len() <= MAX_CODE_BYTES).unwrap_or_default();
        return show(request, env, &site, &config, Filled { code, ..Filled::default() }).await;
    };
    let parameters = form.of_browser(env, Page::SignUp, "").await?;
    let typed = parameters.optional("username")?.unwrap_or_default();
    let code = parameters.optional("code")?.unwrap_or_default();
    let again = |error| Filled { username: typed, code, error: Some(error) };
    let username = match Username::parse(typed.trim()) {
        Ok(username) => username,
        Err(error) => return show(request, env, &site, &config, again(&error.to_string())).await,
    };
    let password = parameters.optional("password")?.unwrap_or_default();
    if !is_acceptable(password) {
        let error = format!("The password must have at least {MIN_CHARACTERS} characters, and at most 1024 bytes.");
        return show(request, env, &site, &config, again(&error)).await;
    }
    // Check the ticket first, so that nobody without one learns which names are taken.
    let Some(ticket) = claim(env, &config, code, &username).await? else {
        return show(request, env, &site, &config, again(NO_CODE)).await;
    };
    let account = Account::named(env, &username)?;
    let admin = matches!(ticket, Ticket::Setup);
    let command = Command::SignUp { username: username.clone(), password: password.to_owned(), admin };
    match account.ask(&command).await? {
        Reply::SessionStarted { session, .. } => {
            let credential = account.credential(CredentialKind::Session, &session);
            Ok(start_session(see_other("/account")?, &site, &credential)?.empty())
        }
        Reply::NameTaken => {
            release(env, ticket, username).await?;
            show(request, env, &site, &config, again(TAKEN)).await
        }
        _ => Err(Error::UnexpectedReply("Account")),
    }
}

/// Claims the ticket for creating an account with this name, if there is a valid one.
async fn claim(env: &Env, config: &Config, code: &str, username: &Username) -> Result<Option<Ticket>, Error> {
    if config.signup == Signup::Open && code.is_empty() {
        return Ok(Some(Ticket::Open));
    }
    if code.is_empty() || code.len() > MAX_CODE_BYTES {
        return Ok(None);
    }
    if let Some((account, secret)) = Account::holding(env, CredentialKind::Invite, code)? {
        if config.signup == Signup::Closed {
            return Ok(None);
        }
        let (invite, secret) = (secret.to_owned(), secret.to_owned());
        let claimed = account.ask(&Command::ClaimInvite { invite, username: username.clone() }).await?;
        return Ok((claimed == Reply::Done).then_some(Ticket::Invite { account, secret }));
    }
    let command =
        Setup::Claim { code: code.to_owned(), username: username.to_string(), configured: config.setup_code.clone() };
    Ok(ask_setup(env, &command).await?.then_some(Ticket::Setup))
}

async fn release(env: &Env, ticket: Ticket, username: Username) -> Result<(), Error> {
    match ticket {
        Ticket::Open => {}
        Ticket::Setup => {
            ask_setup(env, &Setup::Release { username: username.to_string() }).await?;
        }
        Ticket::Invite { account, secret } => {
            account.ask(&Command::ReleaseInvite { invite: secret, username }).await?;
        }
    }
    Ok(())
}

async fn show(
    request: &Request,
    env: &Env,
    site: &Site,
    config: &Config,
    filled: Filled<'_>,
) -> Result<Response, Error> {
    let (holder, set_cookie) = form_cookie(request, site)?;
    let html = screens::render(&SignUp {
        error: filled.error,
        username: filled.username,
        needs_code: config.signup != Signup::Open || !filled.code.is_empty(),
        code: filled.code,
        min_password: MIN_CHARACTERS,
        form_token: &form_token(&*Keys::load(env).await?, Page::SignUp, &holder, "")?,
    })?;
    let mut response = page(if filled.error.is_some() { 403 } else { 200 }, Some(site), None)?;
    if let Some(header) = set_cookie {
        response = response.with_header("set-cookie", &header)?;
    }
    Ok(response.fixed(html.into_bytes()))
}
