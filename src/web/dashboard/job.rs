//! `/dashboard/job?id=`: all of a job, as a page, as a part of it for its script, as JSON, or its picture alone.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bus::wire::command::{Command, Reply};
use bus::wire::views::JobDetail;
use worker::{Env, Response};

use crate::http::error::{Error, no_store};
use crate::http::parameters::Parameters;
use crate::request::Request;
use crate::routes::Page;
use crate::web::browser::page_running;
use crate::web::dashboard::job_view::{as_json, detail, encoded_picture};
use crate::web::dashboard::owner::Owner;
use crate::web::dashboard::parts::{PART_HEADER, part, signed_out};
use crate::web::pages::JOB_SCRIPT;
use crate::web::pages::dashboard::Outcome;
use crate::web::pages::job::Job;
use crate::web::return_to::sign_in_first_with;
use crate::web::screens;

const GONE: &str = "This job no longer exists: jobs are deleted after 24 hours.";

pub async fn job(request: &Request, env: &Env) -> Result<Response, Error> {
    let in_part = request.headers().has(PART_HEADER)?;
    let url = request.url()?;
    let text = url.query().unwrap_or_default();
    let Some(owner) = Owner::of(request, env).await? else {
        return if in_part { signed_out() } else { sign_in_first_with(Page::DashboardJob, text) };
    };
    let query = Parameters::parse(text);
    let found = match owner.ask(Command::Job { job_id: query.required("id")?.to_owned() }).await? {
        Reply::Job { job } => job,
        _ => return Err(Error::UnexpectedReply("UserBus")),
    };
    match (found, query.optional("format")?) {
        (Some(job), Some("json")) => Ok(no_store(Response::builder())?.from_json(&as_json(&job))?),
        (Some(job), Some("picture")) => picture(&job),
        (Some(job), _) => {
            let form_token = owner.form_token(Page::Dashboard).await?;
            show(&owner, 200, in_part, &screens::render(&detail(&job, &form_token))?).await
        }
        (None, _) => show(&owner, 404, in_part, &screens::render(&Outcome::failed(GONE))?).await,
    }
}

async fn show(owner: &Owner<'_>, status: u16, in_part: bool, html: &str) -> Result<Response, Error> {
    if in_part {
        return part(html);
    }
    let html = screens::render(&Job {
        username: owner.session.owner.shown(),
        part: html,
        sign_out_token: &owner.form_token(Page::SignOut).await?,
    })?;
    Ok(page_running(status, Some(&owner.site), None, Some(&JOB_SCRIPT))?.fixed(html.into_bytes()))
}

/// The picture of a job, which no browser takes for anything else.
fn picture(job: &JobDetail) -> Result<Response, Error> {
    let found = encoded_picture(&job.result).and_then(|(kind, data)| Some((kind, STANDARD.decode(data).ok()?)));
    let Some((kind, bytes)) = found else { return Ok(Response::error("This job made no picture.", 404)?) };
    Ok(no_store(Response::builder())?
        .with_header("content-type", &kind)?
        .with_header("content-security-policy", "default-src 'none'; sandbox")?
        .with_header("x-content-type-options", "nosniff")?
        .with_header("cross-origin-resource-policy", "same-origin")?
        .fixed(bytes))
}
