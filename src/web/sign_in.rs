//! `/login` and `/logout`: a browser's session.
use account::accounts::{AfterLogin, Command, Reply};
use account::passwords::MAX_BYTES;
use account::usernames::Username;
use worker::{Env, Method, Request, Response};

use crate::config::Config;
use crate::http::error::{Code, Error};
use crate::http::form::{Parameters, expect_method, form};
use crate::http::redirect::see_other;
use crate::oauth::password::{self, attempt};
use crate::objects::account::{Account, Kind};
use crate::objects::key_ring::Keys;
use crate::site::Site;
use crate::web::browser::{
    FormFor, Session, end_session, form_cookie, form_token_is_right, is_same_origin, start_session,
};
use crate::web::return_to::place;
use crate::web::screens;

const WRONG: &str = "User name or password is wrong.";

pub async fn login(request: &mut Request, env: &Env) -> Result<Response, Error> {
    expect_method(request, &[Method::Get, Method::Head, Method::Post], "GET, HEAD, POST")?;
    let config = Config::of(env);
    let site = Site::of(request, &config)?;
    if request.method() == Method::Post {
        return sign_in(request, env, &config, &site).await;
    }
    let query = Parameters::parse(request.url()?.query().unwrap_or_default());
    let return_to = place(&site, query.optional("return_to")?);
    match Session::of(request, env, &site).await? {
        Some(session) if return_to == "/login" => screens::signed_in(env, &site, &session).await,
        Some(_) => Ok(see_other(&return_to)?.empty()),
        None => screens::login(request, env, &site, None, &return_to, "", None).await,
    }
}

async fn sign_in(request: &mut Request, env: &Env, config: &Config, site: &Site) -> Result<Response, Error> {
    if !config.password_login {
        return Err(Error::new(Code::AccessDenied, password::SWITCHED_OFF));
    }
    let parameters = form(request).await?;
    let (holder, fresh) = form_cookie(request, site)?;
    let asked = parameters.optional("return_to")?.unwrap_or("/login");
    let token = parameters.optional("form_token")?.unwrap_or_default();
    let keys = Keys::kept(env).await?;
    let right = fresh.is_none() && form_token_is_right(&keys, FormFor::Login, &holder, asked, token)?;
    if !right || !is_same_origin(request, site)? {
        return screens::forged(site);
    }
    let return_to = place(site, Some(asked));
    let typed = parameters.optional("username")?.unwrap_or_default();
    let password = parameters.optional("password")?.unwrap_or_default();
    let username = match Username::parse(typed.trim()) {
        Ok(username) if !password.is_empty() && password.len() <= MAX_BYTES => username,
        _ => return screens::login(request, env, site, None, asked, "", Some(WRONG)).await,
    };
    let account = Account::named(env, &username)?;
    let name = username.to_string();
    let command = attempt(config, site, username, password.to_owned(), AfterLogin::Session);
    match account.ask(&command).await? {
        Reply::SessionStarted { session, .. } => {
            // A new session at each login: one that was planted before is worth nothing.
            let credential = account.credential(Kind::Session, &session);
            Ok(start_session(see_other(&return_to)?, site, &credential)?.empty())
        }
        Reply::WrongCredentials => screens::login(request, env, site, None, asked, &name, Some(WRONG)).await,
        _ => Err(Error::Senseless("Account")),
    }
}

pub async fn logout(request: &mut Request, env: &Env) -> Result<Response, Error> {
    expect_method(request, &[Method::Post], "POST")?;
    let site = Site::of(request, &Config::of(env))?;
    let parameters = form(request).await?;
    let return_to = place(&site, parameters.optional("return_to")?);
    if let Some(session) = Session::of(request, env, &site).await? {
        let token = parameters.optional("form_token")?.unwrap_or_default();
        let keys = Keys::kept(env).await?;
        let right = form_token_is_right(&keys, FormFor::SignOut, &session.credential, "", token)?;
        if !right || !is_same_origin(request, &site)? {
            return screens::forged(&site);
        }
        session.account.ask(&Command::EndSession { session: session.secret().to_owned() }).await?;
    }
    Ok(end_session(see_other(&return_to)?, &site)?.empty())
}
