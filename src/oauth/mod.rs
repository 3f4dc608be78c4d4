//! Authorization server and resource server in one: OAuth 2.1 for MCP clients, and signing in.
//!
//! `route` answers the paths of this module; `bearer::authenticate` verifies who sends any other request.

mod access_token;
mod account;
mod account_page;
mod authorize;
pub mod bearer;
pub mod browser;
mod client;
mod client_auth;
mod clients_page;
mod device;
mod device_page;
pub mod error;
pub mod form;
mod issue;
pub mod keys;
mod limits;
pub mod metadata;
mod object;
mod oidc;
mod outbound;
mod password;
pub mod personal;
mod redirect;
mod register;
pub mod screens;
pub mod seal;
mod sign_in;
mod sign_up;
mod token;
mod tokens_page;

pub use bearer::Caller;

use worker::{Context, Env, Method, Request, Response, Result};

use crate::oauth::error::Error;

/// Answers a request whose path is one of OAuth's or of signing in; nothing for any other.
pub async fn route(mut request: Request, env: Env, _context: Context) -> Option<Result<Response>> {
    let (request, env) = (&mut request, &env);
    let path = request.path();
    if request.method() == Method::Options && is_open(&path) {
        return Some(preflight());
    }
    if let Err(error) = limits::check(request, env).await {
        let page = matches!(path.as_str(), "/authorize" | "/login" | "/signup" | "/account" | "/device")
            || path.starts_with("/login/");
        return Some(if page { screens::refusal(&error) } else { error.into_response() });
    }
    let answer = match path.as_str() {
        "/.well-known/oauth-protected-resource" | "/.well-known/oauth-protected-resource/" => {
            metadata::protected_resource(request, env, "")
        }
        "/.well-known/oauth-protected-resource/mcp" => metadata::protected_resource(request, env, "/mcp"),
        "/.well-known/oauth-authorization-server" | "/.well-known/openid-configuration" => {
            metadata::authorization_server(request, env)
        }
        "/register" => speak_json(register::register(request, env).await),
        "/token" => speak_json(token::token(request, env).await),
        "/device_authorization" => speak_json(device::authorization(request, env).await),
        "/device" => show_page(device_page::device(request, env).await),
        "/revoke" => speak_json(token::revoke(request, env).await),
        "/auth/login" => speak_json(password::login(request, env).await),
        "/auth/refresh" => speak_json(password::refresh(request, env).await),
        "/authorize" => show_page(authorize::authorize(request, env).await),
        "/signup" => show_page(sign_up::sign_up(request, env).await),
        "/account" => show_page(account_page::account(request, env).await),
        "/clients" => show_page(clients_page::clients(request, env).await),
        "/tokens" => show_page(tokens_page::tokens(request, env).await),
        "/login" => show_page(sign_in::login(request, env).await),
        "/login/oidc" => show_page(oidc::begin(request, env).await),
        "/login/oidc/callback" => show_page(oidc::callback(request, env).await),
        "/logout" => show_page(sign_in::logout(request, env).await),
        _ => return None,
    };
    Some(if is_open(&path) { answer.and_then(open) } else { answer })
}

/// What clients in browsers of any origin may read: none of it goes by cookies.
fn is_open(path: &str) -> bool {
    path.starts_with("/.well-known/") || matches!(path, "/register" | "/token" | "/revoke" | "/device_authorization")
}

fn open(mut response: Response) -> Result<Response> {
    response.headers_mut().set("access-control-allow-origin", "*")?;
    Ok(response)
}

fn preflight() -> Result<Response> {
    Ok(Response::builder()
        .with_status(204)
        .with_header("access-control-allow-origin", "*")?
        .with_header("access-control-allow-methods", "GET, POST, OPTIONS")?
        .with_header("access-control-allow-headers", "Authorization, Content-Type, MCP-Protocol-Version")?
        .with_header("access-control-max-age", "86400")?
        .empty())
}

fn speak_json(answer: core::result::Result<Response, Error>) -> Result<Response> {
    answer.or_else(Error::into_response)
}

fn show_page(answer: core::result::Result<Response, Error>) -> Result<Response> {
    answer.or_else(|error| screens::refusal(&error))
}
