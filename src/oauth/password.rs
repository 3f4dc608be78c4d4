//! `POST /auth/login` and `POST /auth/refresh`: tokens for programs that ask for the user's password themselves.

use core::time::Duration;

use account::accounts::{AfterLogin, Command, From, Reply};
use account::grants::{Permission, Refresh, Refusal};
use account::passwords::MAX_BYTES;
use account::usernames::Username;
use kernel::scopes::Scopes;
use runtime::now_ms;
use serde::Deserialize;
use worker::{Delay, Env, Response, console_log};

use crate::config::Config;
use crate::http::body::json;
use crate::http::error::{Code, Error};
use crate::http::limits;
use crate::oauth::client::{PASSWORD_CLIENT, PASSWORD_CLIENT_NAME};
use crate::oauth::issue::tokens;
use crate::objects::account::{Account, CredentialKind};
use crate::request::Request;
use crate::site::Site;

/// The error while `PASSWORD_LOGIN` is `off`.
pub const SWITCHED_OFF: &str = "password sign-in is disabled on this server: use the provider at /login";

#[derive(Deserialize)]
struct LoginBody {
    username: String,
    password: String,
}

#[derive(Deserialize)]
struct RefreshBody {
    refresh_token: String,
}

pub async fn login(request: &mut Request, env: &Env) -> Result<Response, Error> {
    let config = Config::of(env);
    let site = Site::of(request, &config)?;
    if !config.password_login {
        return Err(Error::new(Code::AccessDenied, SWITCHED_OFF));
    }
    let body: LoginBody = json(request, Code::InvalidRequest).await?;
    let username = Username::parse(&body.username).map_err(|error| refused(error.to_string()))?;
    if body.password.is_empty() || body.password.len() > MAX_BYTES {
        return Err(refused(format!("password must have 1 to {MAX_BYTES} bytes")));
    }
    let permission = Permission {
        client_id: PASSWORD_CLIENT.to_owned(),
        client_name: PASSWORD_CLIENT_NAME.to_owned(),
        scopes: Scopes::ALL.into(),
        audience: site.issuer.clone(),
    };
    let from = From { address: limits::short_address(request)?, browser: None };
    let command = attempt(&config, &site, (username, body.password), AfterLogin::Grant(permission), from);
    let (account, reply) = sign_in(env, &command).await?;
    match reply {
        Reply::Granted { owner, granted } => tokens(env, &config, &account, owner, granted, true).await,
        Reply::WrongCredentials => Err(Error::new(Code::InvalidCredentials, "user name or password is wrong")),
        _ => Err(Error::UnexpectedReply("Account")),
    }
}

pub async fn refresh(request: &mut Request, env: &Env) -> Result<Response, Error> {
    let config = Config::of(env);
    let site = Site::of(request, &config)?;
    let body: RefreshBody = json(request, Code::InvalidRequest).await?;
    let Some((account, secret)) = Account::holding(env, CredentialKind::RefreshToken, &body.refresh_token)? else {
        return Err(sign_in_again(Refusal::Unknown));
    };
    let command = Command::Refresh(Refresh {
        token: secret.to_owned(),
        client_id: PASSWORD_CLIENT.to_owned(),
        scopes: None,
        audiences: site.audiences(),
    });
    match account.ask(&command).await? {
        Reply::Granted { owner, granted } => tokens(env, &config, &account, owner, granted, true).await,
        Reply::Refused { reason } => Err(sign_in_again(reason)),
        _ => Err(Error::UnexpectedReply("Account")),
    }
}

/// The command for one attempt to sign in. It includes a development password only if the request came over loopback.
pub fn attempt(
    config: &Config,
    site: &Site,
    (username, password): (Username, String),
    then: AfterLogin,
    from: From,
) -> Command {
    let named = |(name, _): &&(String, String)| Username::parse(name).as_ref() == Ok(&username);
    let dev_account = config.dev_accounts.iter().find(named).filter(|_| site.is_loopback());
    let dev_password = dev_account.map(|(_, password)| password.clone());
    Command::Login { username, password, dev_password, then, from }
}

/// How long a refusal takes, in milliseconds, or a multiple of it: an object that is awake answers sooner than one that is not,
/// and that of a name that nobody has is mostly awake.
const REFUSED_EVERY_MS: i64 = 150;

/// Performs a `Command::Login`: the account, and its reply.
///
/// # Errors
/// If an object fails.
pub async fn sign_in(env: &Env, command: &Command) -> Result<(Account, Reply), Error> {
    let Command::Login { username, dev_password, .. } = command else {
        return Err(Error::UnexpectedReply("the edge"));
    };
    let begun_ms = now_ms();
    let account = Account::to_sign_in(env, username, dev_password.is_some()).await?;
    let reply = account.ask(command).await?;
    if reply == Reply::WrongCredentials {
        let took_ms = now_ms().saturating_sub(begun_ms).max(0);
        let left_ms = REFUSED_EVERY_MS.saturating_sub(took_ms.rem_euclid(REFUSED_EVERY_MS));
        Delay::from(Duration::from_millis(u64::try_from(left_ms).unwrap_or(0))).await;
    }
    Ok((account, reply))
}

fn refused(description: String) -> Error {
    Error::new(Code::InvalidRequest, description)
}

fn sign_in_again(reason: Refusal) -> Error {
    console_log!("refresh token refused: {reason}");
    Error::new(Code::SignInAgain, "the refresh token is unknown, used, expired or revoked: sign in again")
}
