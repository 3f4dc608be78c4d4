//! OAuth 2.1 for programs: authorization server (discovery, registration, tokens) and resource server in one.
//!
//! `route` answers the paths of this module; `bearer::authenticate` verifies who sends any other request. The pages that
//! people see are in `web`.

mod access_token;
pub mod authorization_request;
pub mod bearer;
pub mod client;
mod client_auth;
mod device;
mod grant_types;
mod issue;
pub mod metadata;
pub mod password;
pub mod personal;
pub mod redirect_uri;
mod register;
mod token;

use worker::{Env, Method, Request, Response, Result};

use crate::http::error::Error;

/// Answers a request whose path is one of OAuth's; nothing for any other.
pub async fn route(request: &mut Request, env: &Env) -> Option<Result<Response>> {
    let path = request.path();
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
        "/revoke" => speak_json(token::revoke(request, env).await),
        "/auth/login" => speak_json(password::login(request, env).await),
        "/auth/refresh" => speak_json(password::refresh(request, env).await),
        _ => return None,
    };
    Some(if is_open(&path) { answer.and_then(open) } else { answer })
}

/// The answer to a preflight for what clients in browsers may read.
pub fn preflight(request: &Request) -> Option<Result<Response>> {
    (request.method() == Method::Options && is_open(&request.path())).then(allowed)
}

/// What clients in browsers of any origin may read: none of it goes by cookies.
fn is_open(path: &str) -> bool {
    path.starts_with("/.well-known/") || matches!(path, "/register" | "/token" | "/revoke" | "/device_authorization")
}

fn open(mut response: Response) -> Result<Response> {
    response.headers_mut().set("access-control-allow-origin", "*")?;
    Ok(response)
}

fn allowed() -> Result<Response> {
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
