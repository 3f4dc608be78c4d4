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
use futures_util::FutureExt;
pub use screens::not_found;
use worker::{Env, Response, Result as Served};

use crate::config::Config;
use crate::http::error::Error;
use crate::request::Request;
use crate::routes::Page;
use crate::site::Site;

/// Answers a request. Its method is already checked.
pub async fn serve(page: Page, request: &mut Request, env: &Env) -> Result<Response, Error> {
    // In boxes, so that a page is compiled when it is asked for the first time, and not with the first of the others.
    let answered = match page {
        Page::Authorize => authorize::authorize(request, env).boxed_local(),
        Page::Device => device::device(request, env).boxed_local(),
        Page::SignUp => sign_up::sign_up(request, env).boxed_local(),
        Page::SignIn => sign_in::login(request, env).boxed_local(),
        Page::OidcBegin => oidc::begin(request, env).boxed_local(),
        Page::OidcCallback => oidc::callback(request, env).boxed_local(),
        Page::SignOut => sign_in::logout(request, env).boxed_local(),
        Page::Account => account::account(request, env).boxed_local(),
        Page::Audit => audit::audit(request, env).boxed_local(),
        Page::Export => export::export(request, env).boxed_local(),
        Page::Import => import::import(request, env).boxed_local(),
        Page::Notifications => notifications::notifications(request, env).boxed_local(),
        Page::Clients => clients::clients(request, env).boxed_local(),
        Page::Tokens => tokens::tokens(request, env).boxed_local(),
        Page::Shares => dashboard::sharing::shares(request, env).boxed_local(),
        Page::Share => dashboard::sharing::share(request, env).boxed_local(),
        Page::Dashboard => dashboard::dashboard(request, env).boxed_local(),
        Page::DashboardLive => dashboard::live(request, env).boxed_local(),
        Page::DashboardJob => dashboard::job::job(request, env).boxed_local(),
        Page::Files => dashboard::shelf::files(request, env).boxed_local(),
        Page::FileContent => dashboard::shelf::content::content(request, env).boxed_local(),
        Page::DashboardEvents => dashboard::events(request, env).boxed_local(),
    };
    answered.await
}

/// The response, or a page that shows the error.
pub fn or_refusal(answer: Result<Response, Error>, request: &Request, env: &Env) -> Served<Response> {
    answer.or_else(|error| screens::refusal(&error, Site::of(request, &Config::of(env)).ok().as_ref()))
}
