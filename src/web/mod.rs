//! Pages for people: signing in and up, consent, account, clients, access tokens, devices, and the dashboard.
//!
//! `route` answers their paths. All state of a browser is a session cookie; whatever changes something needs a form token.

mod account;
mod authorize;
mod browser;
mod clients;
pub mod dashboard;
mod device;
mod oidc;
mod pages;
mod return_to;
pub mod screens;
mod sign_in;
mod sign_up;
mod tokens;

use worker::{Env, Request, Response, Result};

use crate::http::error::Error;

/// Answers a request for a page; nothing for any other path.
pub async fn route(request: &mut Request, env: &Env) -> Option<Result<Response>> {
    let answer = match request.path().as_str() {
        "/authorize" => authorize::authorize(request, env).await,
        "/device" => device::device(request, env).await,
        "/signup" => sign_up::sign_up(request, env).await,
        "/account" => account::account(request, env).await,
        "/clients" => clients::clients(request, env).await,
        "/tokens" => tokens::tokens(request, env).await,
        "/login" => sign_in::login(request, env).await,
        "/login/oidc" => oidc::begin(request, env).await,
        "/login/oidc/callback" => oidc::callback(request, env).await,
        "/logout" => sign_in::logout(request, env).await,
        path if path.starts_with("/dashboard") => dashboard::route(request, env).await?,
        _ => return None,
    };
    Some(show_page(answer))
}

/// Whether errors of this path are shown to a person.
pub fn is_page(path: &str) -> bool {
    matches!(path, "/authorize" | "/login" | "/signup" | "/account" | "/device") || path.starts_with("/login/")
}

fn show_page(answer: core::result::Result<Response, Error>) -> Result<Response> {
    answer.or_else(|error| screens::refusal(&error))
}
