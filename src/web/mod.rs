//! Pages for people: signing in and up, consent, account, clients, access tokens, devices, and the dashboard.
//!
//! `serve` answers the `Page` rows of the route table. A browser's only state is its cookies, and every form that
//! changes something is checked by `posted_form`.

mod account;
mod audit;
mod authorize;
mod browser;
mod clients;
mod dashboard;
mod device;
mod export;
mod import;
mod known_browser;
mod notifications;
mod oidc;
mod pages;
mod posted_form;
mod return_to;
mod screens;
mod sign_in;
mod sign_up;
mod tokens;

pub use dashboard::home::home;
pub use screens::not_found;
use worker::{Env, Response, Result as Served};

use crate::config::Config;
use crate::http::error::Error;
use crate::request::Request;
use crate::routes::Page;
use crate::site::Site;

/// Answers a request. Its method is already checked.
pub async fn serve(page: Page, request: &mut Request, env: &Env) -> Result<Response, Error> {
    match page {
        Page::Authorize => authorize::authorize(request, env).await,
        Page::Device => device::device(request, env).await,
        Page::SignUp => sign_up::sign_up(request, env).await,
        Page::SignIn => sign_in::login(request, env).await,
        Page::OidcBegin => oidc::begin(request, env).await,
        Page::OidcCallback => oidc::callback(request, env).await,
        Page::SignOut => sign_in::logout(request, env).await,
        Page::Account => account::account(request, env).await,
        Page::Audit => audit::audit(request, env).await,
        Page::Export => export::export(request, env).await,
        Page::Import => import::import(request, env).await,
        Page::Notifications => notifications::notifications(request, env).await,
        Page::Clients => clients::clients(request, env).await,
        Page::Tokens => tokens::tokens(request, env).await,
        Page::Shares => dashboard::sharing::shares(request, env).await,
        Page::Share => dashboard::sharing::share(request, env).await,
        Page::Dashboard => dashboard::dashboard(request, env).await,
        Page::DashboardLive => dashboard::live(request, env).await,
        Page::DashboardJob => dashboard::job::job(request, env).await,
        Page::Files => dashboard::shelf::files(request, env).await,
        Page::FileContent => dashboard::shelf::content::content(request, env).await,
        Page::DashboardEvents => dashboard::events(request, env).await,
    }
}

/// The response, or a page that shows the error.
pub fn or_refusal(answer: Result<Response, Error>, request: &Request, env: &Env) -> Served<Response> {
    answer.or_else(|error| screens::refusal(&error, Site::of(request, &Config::of(env)).ok().as_ref()))
}
