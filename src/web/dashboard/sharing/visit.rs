//! `/share/*`: where a link leads. With a link in its place, the segment is taken into a cookie; with the id of a share, the page
//! is shown to whoever has that cookie.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bus::wire::command::Reply;
use bus::wire::topics::{Listener, Subscription, Topic};
use bus::wire::views::Watched;
use serde_json::Value;
use worker::{Env, Response};

use crate::http::error::{Code, Error, no_store};
use crate::http::event_stream::bridge;
use crate::http::parameters::Parameters;
use crate::http::redirect::see_other;
use crate::objects::account::CredentialKind;
use crate::objects::bus::Opened;
use crate::request::Request;
use crate::routes::{self, Page};
use crate::web::browser::page_running;
use crate::web::dashboard::job_view::{detail, encoded_picture, row};
use crate::web::dashboard::parts::{PART_HEADER, part, signed_out};
use crate::web::dashboard::sharing::acts;
use crate::web::dashboard::sharing::guest::Guest;
use crate::web::dashboard::words::{moment, moment_ms};
use crate::web::pages::GUEST_SCRIPT;
use crate::web::pages::dashboard::{Outcome, Shot};
use crate::web::pages::sharing::{GuestJob, GuestLive, GuestPage};
use crate::web::posted_form::{PostedForm, is_same_origin};
use crate::web::screens;

/// The longest form, in bytes. It may hold code to run, percent-encoded.
const MAX_FORM: usize = 512 * 1024;

pub async fn share(request: &mut Request, env: &Env) -> Result<Response, Error> {
    let path = request.path();
    let segment = routes::parameter(&path).unwrap_or_default();
    if segment.starts_with(CredentialKind::Share.prefix()) {
        return arrive(request, env, segment).await;
    }
    let in_part = request.headers().has(PART_HEADER)?;
    let Some(guest) = Guest::of_browser(request, env, segment).await? else {
        return if in_part { signed_out() } else { screens::share_ended() };
    };
    if let Some(form) = PostedForm::within(request, &guest.site, MAX_FORM).await? {
        let parameters = form.of_holder(env, Page::Share, &guest.credential).await?;
        let outcome = acts::act(&guest, &parameters).await?;
        return if in_part { part(&screens::render(&outcome)?) } else { show(&guest, Some(&outcome)).await };
    }
    let url = request.url()?;
    let query = Parameters::parse(url.query().unwrap_or_default());
    match (query.optional("part")?, query.optional("picture")?, query.optional("job")?) {
        (Some("events"), ..) if !is_same_origin(request, &guest.site)? => {
            Err(Error::new(Code::AccessDenied, "only the page of the share itself may use this stream"))
        }
        (Some("events"), ..) => events(&guest).await,
        (Some(_), ..) => match guest.watched().await? {
            Some(watched) => part(&live(&guest, &watched).await?),
            None => signed_out(),
        },
        (_, Some(job_id), _) => picture(&guest, job_id).await,
        (.., Some(job_id)) => show_job(&guest, job_id).await,
        _ => show(&guest, None).await,
    }
}

/// The link itself: it becomes a cookie. Its address is never a `Referer`, and nothing else is loaded from this answer.
async fn arrive(request: &Request, env: &Env, credential: &str) -> Result<Response, Error> {
    let Some(guest) = Guest::with_link(request, env, credential).await? else { return screens::share_ended() };
    let response = guest.remembered(see_other(&guest.home())?)?;
    Ok(response.with_header("referrer-policy", "no-referrer")?.empty())
}

async fn show(guest: &Guest<'_>, outcome: Option<&Outcome>) -> Result<Response, Error> {
    let Some(watched) = guest.watched().await? else { return screens::share_ended() };
    let html = screens::render(&GuestPage {
        blender: guest.caller.scopes.bound.as_ref().and_then(|bound| bound.blender()).unwrap_or_default(),
        may_work: guest.may_work(),
        now: watched.now,
        ends: moment_ms(guest.caller.expires_at_ms),
        home: &guest.home(),
        endpoint: &guest.endpoint(),
        outcome: &outcome.map(screens::render).transpose()?.unwrap_or_default(),
        live: &live(guest, &watched).await?,
        form_token: &guest.form_token().await?,
    })?;
    let status = if outcome.is_some_and(|outcome| outcome.error.is_some()) { 422 } else { 200 };
    let response = page_running(status, Some(&guest.site), None, Some(&GUEST_SCRIPT))?;
    Ok(response.fixed(html.into_bytes()))
}

/// The part of the page that changes.
async fn live(guest: &Guest<'_>, watched: &Watched) -> Result<String, Error> {
    let home = guest.home();
    let clients: Vec<_> = watched.blender.iter().cloned().collect();
    let mut jobs: Vec<_> = watched.jobs.iter().map(|job| row(job, &clients)).collect();
    for job in &mut jobs {
        job.href = format!("{home}?job={}", encoded(&job.job_id));
    }
    screens::render(&GuestLive {
        now: watched.now,
        is_connected: watched.blender.as_ref().is_some_and(|blender| blender.connected),
        seen: watched.blender.as_ref().map(|blender| moment(blender.last_seen)),
        picture: watched.picture.as_ref().map(|picture| Shot {
            job_id: picture.job_id.clone(),
            href: format!("{home}?picture={}", encoded(&picture.job_id)),
            made: moment(picture.made_at),
        }),
        jobs,
        home: &home,
        own: &watched.own,
        form_token: &guest.form_token().await?,
    })
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

async fn show_job(guest: &Guest<'_>, job_id: &str) -> Result<Response, Error> {
    let home = guest.home();
    let (status, job) = match guest.job(job_id).await? {
        Some(job) => {
            let mut shown = detail(&job, "");
            shown.picture = shown.picture.map(|_| format!("{home}?picture={}", encoded(job_id)));
            (200, Some(shown))
        }
        None => (404, None),
    };
    let html = screens::render(&GuestJob { home: &home, job })?;
    Ok(page_running(status, Some(&guest.site), None, Some(&GUEST_SCRIPT))?.fixed(html.into_bytes()))
}

/// The picture that a job of the shared Blender has made.
async fn picture(guest: &Guest<'_>, job_id: &str) -> Result<Response, Error> {
    let job = guest.job(job_id).await?;
    let found = job.and_then(|job| encoded_picture(&job.result));
    let Some((kind, bytes)) = found.and_then(|(kind, data)| Some((kind, STANDARD.decode(data).ok()?))) else {
        return Ok(Response::error("this job has no picture", 404)?);
    };
    let response = no_store(Response::builder())?.with_header("content-type", &kind)?;
    Ok(response.with_header("content-security-policy", "default-src 'none'; frame-ancestors 'none'")?.fixed(bytes))
}

/// Server-Sent Events that say that something has changed, but not what.
async fn events(guest: &Guest<'_>) -> Result<Response, Error> {
    let subscription = |topic, uri: &str| Subscription { topic, uri: uri.to_owned() };
    let listener = serde_json::to_string(&Listener {
        subscription_id: Value::Null,
        subscriptions: vec![subscription(Topic::Clients, "clients"), subscription(Topic::Jobs, "jobs")],
        task_ids: Vec::new(),
        bound: guest.caller.scopes.bound.clone(),
        guest: Some(guest.caller.grant_id.clone()),
    })?;
    match guest.bus.open_listener(&guest.caller, &listener).await.map_err(worker::Error::from)? {
        Opened::Socket(socket) => Ok(bridge(socket, None, None)?),
        Opened::Refused(Reply::Rejected { message }) => Err(Error::new(Code::TooMany, message)),
        Opened::Refused(_) => signed_out(),
    }
}
