//! `/account/notifications`: in which of their browsers the owner wants to be told, and of what (Web Push).
//!
//! A browser gives its address to the script of this page, which posts it in the form. The service worker that shows what comes is
//! a file of its own, `/notifications.js`. Signing out of a browser ends notifications there: see `here`.

mod address;
mod browser_name;
pub mod here;

use bus::push::words::ANSWERED_WITHIN_MS;
use bus::wire::command::{Command, Reply};
use bus::wire::push::{Answered, Asked, Browser, Kinds};
use worker::{Env, Response};

use crate::config::Config;
use crate::http::error::Error;
use crate::http::parameters::Parameters;
use crate::objects::key_ring::push_key;
use crate::request::Request;
use crate::routes::Page;
use crate::site::Site;
use crate::web::browser::page_running;
use crate::web::dashboard::owner::Owner;
use crate::web::pages::NOTIFICATIONS_SCRIPT;
use crate::web::pages::notifications::{Notifications, Row};
use crate::web::posted_form::PostedForm;
use crate::web::return_to::sign_in_first;
use crate::web::screens::{self, day};

/// What came of a form.
enum Outcome {
    Done(&'static str),
    /// This browser tells you from now on.
    Added(String),
    /// This browser is no longer told.
    Removed(String),
    Failed(String),
}

pub async fn notifications(request: &mut Request, env: &Env) -> Result<Response, Error> {
    let site = Site::of(request, &Config::of(env))?;
    let posted = PostedForm::of(request, &site).await?;
    let Some(owner) = Owner::of(request, env).await? else {
        return sign_in_first(Page::Notifications);
    };
    let mut outcome = None;
    if let Some(form) = posted {
        let parameters = form.of_session(env, Page::Notifications, &owner.session, "").await?;
        let agent = request.headers().get("user-agent")?.unwrap_or_default();
        outcome = Some(act(&owner, &parameters, &agent).await?);
    }
    show(&owner, here::of(request, &site)?, outcome).await
}

async fn act(owner: &Owner<'_>, parameters: &Parameters, agent: &str) -> Result<Outcome, Error> {
    let field = |name| parameters.optional(name).map(Option::unwrap_or_default);
    let browser_id = field("browser")?.to_owned();
    let kinds = Kinds {
        asks: parameters.all("kind").any(|it| it == "asks"),
        ends: parameters.all("kind").any(|it| it == "ends"),
    };
    match field("action")? {
        "add" => add(owner, parameters, agent, kinds).await,
        "choose" => changed(owner, Asked::Choose { browser_id, kinds }, Outcome::Done("It is saved.")).await,
        "test" => {
            let done = Outcome::Done("A test is on its way. It should be there within seconds.");
            changed(owner, Asked::Test { browser_id }, done).await
        }
        "remove" => {
            let outcome =
                changed(owner, Asked::Remove { browser_id: browser_id.clone() }, Outcome::Removed(browser_id)).await?;
            if matches!(outcome, Outcome::Removed(_)) {
                owner.audit("notifications of a browser ended", "").await?;
            }
            Ok(outcome)
        }
        _ => Ok(Outcome::Failed("This page does not know that action. Reload it and try again.".to_owned())),
    }
}

async fn add(owner: &Owner<'_>, parameters: &Parameters, agent: &str, kinds: Kinds) -> Result<Outcome, Error> {
    if kinds == Kinds::default() {
        return Ok(Outcome::Failed("Choose what this browser is to tell you.".to_owned()));
    }
    let browser = match address::read(parameters, &owner.site)? {
        Ok(new) => new.named(browser_name::of(agent), kinds, &owner.site),
        Err(reason) => return Ok(Outcome::Failed(reason)),
    };
    let name = browser.name.clone();
    match ask(owner, Asked::Add { browser }).await? {
        Ok(Answered::Added { browser_id }) => {
            owner.audit("notifications in a browser", &name).await?;
            Ok(Outcome::Added(browser_id))
        }
        Ok(_) => Err(Error::UnexpectedReply("UserBus")),
        Err(reason) => Ok(Outcome::Failed(reason)),
    }
}

/// Asks for a change of one browser of this owner's. `done`: the outcome if there is such a browser.
async fn changed(owner: &Owner<'_>, asked: Asked, done: Outcome) -> Result<Outcome, Error> {
    Ok(match ask(owner, asked).await? {
        Ok(Answered::Found { found: true }) => done,
        Ok(_) => Outcome::Failed("This browser is no longer in the list.".to_owned()),
        Err(reason) => Outcome::Failed(reason),
    })
}

async fn ask(owner: &Owner<'_>, asked: Asked) -> Result<Result<Answered, String>, Error> {
    match owner.ask(Command::Push { asked }).await? {
        Reply::Push { answered } => Ok(Ok(answered)),
        Reply::Rejected { message } => Ok(Err(message)),
        _ => Err(Error::UnexpectedReply("UserBus")),
    }
}

async fn show(owner: &Owner<'_>, here: Option<String>, outcome: Option<Outcome>) -> Result<Response, Error> {
    let browsers = match ask(owner, Asked::List).await? {
        Ok(Answered::Browsers { browsers }) => browsers,
        _ => return Err(Error::UnexpectedReply("UserBus")),
    };
    let here = match &outcome {
        Some(Outcome::Added(browser_id)) => Some(browser_id.clone()),
        _ => here,
    };
    let rows: Vec<Row> = browsers.into_iter().map(|browser| row(browser, here.as_deref())).collect();
    let (done, error) = match &outcome {
        Some(Outcome::Done(text)) => (Some(*text), None),
        Some(Outcome::Added(_)) => (Some("This browser tells you from now on."), None),
        Some(Outcome::Removed(_)) => (Some("That browser tells you nothing any more."), None),
        Some(Outcome::Failed(reason)) => (None, Some(reason.as_str())),
        None => (None, None),
    };
    let html = screens::render(&Notifications {
        username: owner.session.owner.shown(),
        key: &push_key(owner.env).await?,
        is_here: rows.iter().any(|row| row.is_here),
        rows: &rows,
        done,
        error,
        answered_within: ANSWERED_WITHIN_MS.div_euclid(60_000),
        form_token: &owner.form_token(Page::Notifications).await?,
        sign_out_token: &owner.form_token(Page::SignOut).await?,
    })?;
    let status = if error.is_some() { 422 } else { 200 };
    let page = page_running(status, Some(&owner.site), None, Some(&NOTIFICATIONS_SCRIPT))?;
    let mut response = page.fixed(html.into_bytes());
    match &outcome {
        Some(Outcome::Added(browser_id)) => here::remember(&mut response, &owner.site, browser_id)?,
        Some(Outcome::Removed(gone)) if here.as_ref() == Some(gone) => here::forget(&mut response, &owner.site)?,
        _ => {}
    }
    Ok(response)
}

fn row(browser: Browser, here: Option<&str>) -> Row {
    Row {
        is_here: here == Some(browser.browser_id.as_str()),
        browser_id: browser.browser_id,
        name: browser.name,
        asks: browser.kinds.asks,
        ends: browser.kinds.ends,
        since: day(browser.created_ms),
        reached: browser.reached_ms.map(day),
        failing: browser.failing_ms.map(day),
    }
}
