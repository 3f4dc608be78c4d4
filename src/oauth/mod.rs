//! OAuth 2.1 for programs: authorization server (discovery, registration, tokens) and resource server in one.
//!
//! `serve` answers the `Program` rows of the route table; `bearer::authenticate` verifies the sender of requests to MCP
//! and the WebSocket. The pages for people are in `web`.

mod access_token;
pub mod authorization_request;
pub mod bearer;
pub mod client;
mod client_auth;
mod device;
mod grant_types;
mod issue;
mod metadata;
pub mod password;
pub mod personal_tokens;
pub mod redirect_uri;
mod register;
mod token;
use futures_util::FutureExt;
use worker::{Env, Response};

use crate::card;
use crate::http::error::Error;
use crate::request::Request;
use crate::routes::Program;

/// Answers a request. Its method is already checked.
pub async fn serve(program: Program, request: &mut Request, env: &Env) -> Result<Response, Error> {
    match program {
        Program::ServerCard => metadata::document(request, env, card::document),
        Program::RegistryEntry => metadata::document(request, env, card::registry_entry),
        Program::ProtectedResource(path) => metadata::protected_resource(request, env, path),
        Program::AuthorizationServer => metadata::authorization_server(request, env),
        Program::Register => register::register(request, env).boxed_local().await,
        Program::Token => token::token(request, env).boxed_local().await,
        Program::Revoke => token::revoke(request, env).boxed_local().await,
        Program::DeviceAuthorization => device::authorization(request, env).boxed_local().await,
        Program::PasswordLogin => password::login(request, env).boxed_local().await,
        Program::PasswordRefresh => password::refresh(request, env).boxed_local().await,
    }
}
