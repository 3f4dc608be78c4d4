//! `/dashboard/files`: the owner's files, to look at, upload, download, keep, delete, and send to a Blender.
//!
//! The server renders everything, and forms do everything but large uploads. The script puts those through `/files` in parts, by
//! signed URLs, and fetches the list anew. Invariant: every action needs the form token of this session, and no bytes of a file
//! are ever part of a page.

mod actions;
pub mod content;
mod upload;
mod view;

use bus::wire::views::JobsAsked;
use files::wire::{Command, Reply, Shelf, Who};
use worker::{Env, Response};

use crate::http::error::Error;
use crate::http::parameters::Parameters;
use crate::request::Request;
use crate::routes::Page;
use crate::web::browser::page_running;
use crate::web::dashboard::owner::Owner;
use crate::web::dashboard::parts::{PART_HEADER, part, signed_out};
use crate::web::dashboard::view::targets;
use crate::web::pages::FILES_SCRIPT;
use crate::web::pages::dashboard::Outcome;
use crate::web::pages::files::Files;
use crate::web::posted_form::{PostedForm, drop_form};
use crate::web::return_to::sign_in_first;
use crate::web::screens;
use actions::Acted;

/// Files on a page.
const PAGE: u32 = 50;
/// The most Blenders to choose from.
const MAX_TARGETS: usize = 30;

pub async fn files(request: &mut Request, env: &Env) -> Result<Response, Error> {
    let in_part = request.headers().has(PART_HEADER)?;
    // Whoever is not signed in has nothing to upload: the session comes before the body.
    let Some(owner) = Owner::of(request, env).await? else {
        drop_form(request).await;
        return if in_part { signed_out() } else { sign_in_first(Page::Files) };
    };
    let url = request.url()?;
    let query = Parameters::parse(url.query().unwrap_or_default());
    let after = query.optional("after")?;
    let mut outcome = None;
    if upload::is_upload(request)? {
        outcome = Some(upload::upload(request, &owner).await?);
    } else if let Some(form) = PostedForm::of(request, &owner.site).await? {
        let parameters = form.of_session(env, Page::Files, &owner.session, "").await?;
        match actions::act(&owner, &parameters).await? {
            Acted::Shown(shown) => outcome = Some(shown),
            Acted::Json(json) => return Ok(Response::from_json(&json)?),
        }
    }
    match outcome {
        Some(outcome) if in_part => part(&screens::render(&outcome)?),
        None if in_part => list(&owner, after).await,
        outcome => whole(&owner, outcome, after).await,
    }
}

async fn list(owner: &Owner<'_>, after: Option<&str>) -> Result<Response, Error> {
    let Looked { shelf, makers, targets, .. } = look(owner, after).await?;
    let form_token = owner.form_token(Page::Files).await?;
    part(&screens::render(&view::list(&shelf, &makers, after, &targets, &form_token))?)
}

async fn whole(owner: &Owner<'_>, outcome: Option<Outcome>, after: Option<&str>) -> Result<Response, Error> {
    let Looked { shelf, makers, targets, refusal } = look(owner, after).await?;
    let outcome = outcome.or_else(|| refusal.map(Outcome::failed));
    let form_token = owner.form_token(Page::Files).await?;
    let html = screens::render(&Files {
        username: &owner.session.owner.username,
        outcome: &outcome.as_ref().map(screens::render).transpose()?.unwrap_or_default(),
        list: &screens::render(&view::list(&shelf, &makers, after, &targets, &form_token))?,
        targets: &targets,
        most_of_file: &view::size(shelf.most_of_file),
        most_of_form: &view::size(upload::MOST),
        form_token: &form_token,
        sign_out_token: &owner.form_token(Page::SignOut).await?,
    })?;
    let status = if outcome.is_some_and(|outcome| outcome.error.is_some()) { 422 } else { 200 };
    let response = page_running(status, Some(&owner.site), None, Some(&FILES_SCRIPT))?;
    Ok(response.fixed(html.into_bytes()))
}

/// What a page shows.
struct Looked {
    shelf: Shelf,
    makers: view::Makers,
    targets: Vec<String>,
    /// Why the page that was asked for is not the one that is shown.
    refusal: Option<String>,
}

async fn look(owner: &Owner<'_>, after: Option<&str>) -> Result<Looked, Error> {
    let (shelf, refusal) = match shelf(owner, after).await? {
        Ok(shelf) => (shelf, None),
        Err(message) => match shelf(owner, None).await? {
            Ok(shelf) => (shelf, Some(message)),
            Err(_) => return Err(Error::UnexpectedReply("Files")),
        },
    };
    let makers = view::makers(owner, &shelf).await?;
    let mut targets = targets(&owner.overview(&JobsAsked::default()).await?);
    targets.truncate(MAX_TARGETS);
    Ok(Looked { shelf, makers, targets, refusal })
}

async fn shelf(owner: &Owner<'_>, after: Option<&str>) -> Result<Result<Shelf, String>, Error> {
    let command = Command::Shelf { after: after.map(str::to_owned), limit: PAGE };
    match owner.files()?.ask(Who::Owner, command).await? {
        Reply::Shelf(shelf) => Ok(Ok(*shelf)),
        Reply::Refused(refusal) => Ok(Err(refusal.message)),
        _ => Err(Error::UnexpectedReply("Files")),
    }
}
