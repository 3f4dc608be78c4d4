//! `/dashboard/files/content?id=`: the bytes of a file for the browser that is signed in, to save or as a small picture.

use files::refusal::Refusal;
use files::wire::{Ask, Stream, Who};
use worker::{Env, Method, Response};

use crate::file_store::streams::{accepted, conditions, download_headers, passed_on};
use crate::http::error::Error;
use crate::http::parameters::Parameters;
use crate::request::Request;
use crate::routes::Page;
use crate::web::browser::page;
use crate::web::dashboard::owner::Owner;
use crate::web::pages::sign_in::Notice;
use crate::web::return_to::sign_in_first;
use crate::web::screens;

pub async fn content(request: &Request, env: &Env) -> Result<Response, Error> {
    let Some(owner) = Owner::of(request, env).await? else { return sign_in_first(Page::Files) };
    let url = request.url()?;
    let query = Parameters::parse(url.query().unwrap_or_default());
    let file_id = query.required("id")?;
    let is_id = file_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !is_id {
        return refused(&owner, &Refusal::not_found(file_id));
    }
    let (method, stream) = match request.method() {
        Method::Head => ("HEAD", Stream::Head(conditions(request)?)),
        _ => ("GET", Stream::Get(conditions(request)?)),
    };
    let ask = Ask { user_id: owner.session.owner.user_id.clone(), who: Who::Owner, stream };
    match accepted(owner.files()?.stream(method, file_id, &ask, None).await?).await? {
        Ok(answer) => {
            let headers = download_headers(&answer)?;
            headers.set("cross-origin-resource-policy", "same-origin")?;
            passed_on(&answer, &headers)
        }
        Err(refusal) => refused(&owner, &refusal),
    }
}

fn refused(owner: &Owner<'_>, refusal: &Refusal) -> Result<Response, Error> {
    let html = screens::render(&Notice::new("This file cannot be downloaded", &format!("{}.", refusal.message)))?;
    Ok(page(refusal.kind.status(), Some(&owner.site), None)?.fixed(html.into_bytes()))
}
