//! `/dashboard`: shows owners their bus, and lets them act on it.
//!
//! The server renders everything. The script only reloads the changing part (`/dashboard/live`) when the bus reports a
//! change (`/dashboard/events`), and sends forms without leaving the page. Without the script the page works by
//! reloading. Invariant: every action needs the form token of this session.

mod actions;
mod filter;
pub mod home;
pub mod job;
mod job_view;
pub mod owner;
mod parts;
pub mod shelf;
mod submit;
mod view;
mod words;

use bus::wire::command::Reply;
use bus::wire::topics::{Listener, Subscription, Topic};
use serde_json::Value;
use worker::{Env, Response};

use crate::config::Config;
use crate::http::error::{Code, Error};
use crate::http::event_stream::bridge;
use crate::objects::bus::Opened;
use crate::request::Request;
use crate::routes::Page;
use crate::site::Site;
use crate::web::browser::page_running;
use crate::web::dashboard::filter::Filter;
use crate::web::dashboard::owner::Owner;
use crate::web::dashboard::parts::{PART_HEADER, part, signed_out};
use crate::web::pages::DASHBOARD_SCRIPT;
use crate::web::pages::dashboard::{Dashboard, Outcome};
use crate::web::posted_form::{PostedForm, is_same_origin};
use crate::web::return_to::sign_in_first;
use crate::web::screens;

/// The longest form, in bytes. It may hold code to run, percent-encoded.
const MAX_FORM: usize = 512 * 1024;

pub async fn dashboard(request: &mut Request, env: &Env) -> Result<Response, Error> {
    let site = Site::of(request, &Config::of(env))?;
    let posted = PostedForm::within(request, &site, MAX_FORM).await?;
    let in_part = request.headers().has(PART_HEADER)?;
    let Some(owner) = Owner::of(request, env).await? else {
        return if in_part { signed_out() } else { sign_in_first(Page::Dashboard) };
    };
    let mut outcome = None;
    if let Some(form) = posted {
        let parameters = form.of_session(env, Page::Dashboard, &owner.session, "").await?;
        outcome = Some(actions::act(&owner, &parameters).await?);
    }
    match outcome {
        Some(outcome) if in_part => part(&screens::render(&outcome)?),
        outcome => whole(&owner, &filter(request)?, outcome.as_ref()).await,
    }
}

fn filter(request: &Request) -> Result<Filter, Error> {
    Filter::of(request.url()?.query().unwrap_or_default())
}

async fn whole(owner: &Owner<'_>, filter: &Filter, outcome: Option<&Outcome>) -> Result<Response, Error> {
    let form_token = owner.form_token(Page::Dashboard).await?;
    let overview = owner.overview(&filter.asked).await?;
    let html = screens::render(&Dashboard {
        username: &owner.session.owner.username,
        outcome: &outcome.map(screens::render).transpose()?.unwrap_or_default(),
        live: &screens::render(&view::live(&overview, filter, &form_token))?,
        targets: &view::targets(&overview),
        commands: &view::commands(),
        form_token: &form_token,
        sign_out_token: &owner.form_token(Page::SignOut).await?,
    })?;
    let status = if outcome.is_some_and(|outcome| outcome.error.is_some()) { 422 } else { 200 };
    let response = page_running(status, Some(&owner.site), None, Some(&DASHBOARD_SCRIPT))?;
    Ok(response.fixed(html.into_bytes()))
}

/// `/dashboard/live`: the part of the page that changes.
pub async fn live(request: &Request, env: &Env) -> Result<Response, Error> {
    let Some(owner) = Owner::of(request, env).await? else { return signed_out() };
    let form_token = owner.form_token(Page::Dashboard).await?;
    let filter = filter(request)?;
    part(&screens::render(&view::live(&owner.overview(&filter.asked).await?, &filter, &form_token))?)
}

/// `/dashboard/events`: Server-Sent Events that say that the live part has changed, but not what. The bus can hibernate
/// in between.
pub async fn events(request: &Request, env: &Env) -> Result<Response, Error> {
    let Some(owner) = Owner::of(request, env).await? else { return signed_out() };
    if !is_same_origin(request, &owner.site)? {
        return Err(Error::new(Code::AccessDenied, "only the dashboard itself may use this stream"));
    }
    let subscription = |topic, uri: &str| Subscription { topic, uri: uri.to_owned() };
    let subscriptions = vec![subscription(Topic::Clients, "clients"), subscription(Topic::Jobs, "jobs")];
    let listener = serde_json::to_string(&Listener {
        subscription_id: Value::Null,
        subscriptions,
        task_ids: Vec::new(),
        bound: None,
    })?;
    let opened = owner.bus.open_listener(&owner.as_caller(), &listener).await.map_err(worker::Error::from)?;
    match opened {
        Opened::Socket(socket) => Ok(bridge(socket, None, None)?),
        Opened::Refused(Reply::Rejected { message }) => Err(Error::new(Code::TooMany, message)),
        Opened::Refused(_) => signed_out(),
    }
}
