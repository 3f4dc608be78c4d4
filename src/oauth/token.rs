//! The token endpoint (OAuth 2.1 section 3.2) and revocation (RFC 7009).

use account::accounts::{Command, Reply};
use account::codes::Exchange;
use account::grants::{ACCESS_TOKEN_CLIENT, Refresh, Refusal};
use account::usernames::Username;
use kernel::access::Access;
use runtime::now_ms;
use worker::{Env, Response};

use crate::caller::Caller;
use crate::config::Config;
use crate::http::body::form;
use crate::http::error::{Code, Error, no_store};
use crate::http::parameters::Parameters;
use crate::oauth::access_token::AccessToken;
use crate::oauth::client::PASSWORD_CLIENT;
use crate::oauth::issue::{check_resources, refused, tokens};
use crate::oauth::{client_auth, device, grant_types, personal_tokens};
use crate::objects::account::{Account, CredentialKind};
use crate::objects::key_ring::Keys;
use crate::request::Request;
use crate::site::Site;

pub async fn token(request: &mut Request, env: &Env) -> Result<Response, Error> {
    let config = Config::of(env);
    let site = Site::of(request, &config)?;
    let parameters = form(request).await?;
    let grant_type = parameters.required("grant_type")?;
    if !grant_types::ALL.contains(&grant_type) {
        let description = format!("grant_type must be one of {}", grant_types::ALL.join(", "));
        return Err(Error::new(Code::UnsupportedGrantType, description));
    }
    let client_id = client_auth::authenticate(request, &parameters, env).await?;
    check_resources(&parameters, &site)?;
    if grant_type == grant_types::DEVICE_CODE {
        return device::token(&parameters, env, &config, &site, client_id).await;
    }
    let (kind, name, what) = match grant_type {
        "authorization_code" => (CredentialKind::Code, "code", "authorization code"),
        _ => (CredentialKind::RefreshToken, "refresh_token", "refresh token"),
    };
    let Some((account, secret)) = Account::holding(env, kind, parameters.required(name)?)? else {
        return Err(refused(Refusal::Unknown, what));
    };
    let command = match kind {
        CredentialKind::Code => Command::Exchange(exchange(&parameters, secret, client_id, &site)?),
        _ => Command::Refresh(refresh(&parameters, secret, client_id, &site)?),
    };
    match account.ask(&command).await? {
        Reply::Granted { owner, granted } => tokens(env, &config, &account, owner, granted, false).await,
        Reply::Refused { reason } => Err(refused(reason, what)),
        _ => Err(Error::UnexpectedReply("Account")),
    }
}

fn exchange(parameters: &Parameters, secret: &str, client_id: String, site: &Site) -> Result<Exchange, Error> {
    Ok(Exchange {
        code: secret.to_owned(),
        client_id,
        redirect_uri: parameters.optional("redirect_uri")?.map(str::to_owned),
        code_verifier: parameters.required("code_verifier")?.to_owned(),
        audiences: site.audiences(),
    })
}

fn refresh(parameters: &Parameters, secret: &str, client_id: String, site: &Site) -> Result<Refresh, Error> {
    Ok(Refresh {
        token: secret.to_owned(),
        client_id,
        scopes: parameters
            .optional("scope")?
            .map(Access::known)
            .transpose()?
            .filter(|scopes| *scopes != Access::default()),
        audiences: site.audiences(),
    })
}

/// Answers 200 whether or not there was anything to revoke (RFC 7009 section 2.2).
pub async fn revoke(request: &mut Request, env: &Env) -> Result<Response, Error> {
    let site = Site::of(request, &Config::of(env))?;
    let parameters = form(request).await?;
    let token = parameters.required("token")?;
    // Tokens of `/auth/login` belong to no registered client, so the holder may revoke them.
    let client_id = match parameters.optional("client_id")? {
        None | Some(PASSWORD_CLIENT) if !client_auth::is_basic(request)? => PASSWORD_CLIENT.to_owned(),
        _ => client_auth::authenticate(request, &parameters, env).await?,
    };
    if let Some(caller) = personal_token(env, &site, token).await? {
        // The holder of a personal access token may revoke it.
        personal_tokens::forget();
        let client_id = ACCESS_TOKEN_CLIENT.to_owned();
        let (account, _) = personal_tokens::account_of(env, &caller)?;
        account.ask(&Command::RevokeGrant { grant_id: caller.grant_id, client_id }).await?;
    } else if let Some((account, secret)) = Account::holding(env, CredentialKind::RefreshToken, token)? {
        account.ask(&Command::RevokeToken { token: secret.to_owned(), client_id }).await?;
    } else {
        let now_s = now_ms().div_euclid(1000);
        let keys = Keys::load(env).await?;
        if let Ok(token) = AccessToken::verify(token, &keys, &site.audiences(), now_s)
            && let Ok(username) = Username::parse(&token.username)
        {
            // Access tokens are not stored, so their grant is revoked (RFC 7009 section 2.1).
            let command = Command::RevokeGrant { grant_id: token.grant_id, client_id };
            Account::named(env, &username)?.ask(&command).await?;
        }
    }
    Ok(no_store(Response::builder())?.empty())
}

async fn personal_token(env: &Env, site: &Site, token: &str) -> Result<Option<Caller>, Error> {
    match personal_tokens::kind(token) {
        Some(kind @ CredentialKind::AccessToken) => personal_tokens::verify(env, site, kind, token).await,
        _ => Ok(None),
    }
}
