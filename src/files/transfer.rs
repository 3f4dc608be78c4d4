//! `/files/{id}`: bytes up and down.

use files::wire::{Ask, Command, File, Reply, Stream, Who};
use worker::{Env, Method, Response};

use super::answers::{accepted, download, standing_headers, stored_headers};
use super::denied::Denied;
use super::tus;
use crate::caller::Caller;
use crate::config::Config;
use crate::file_store::access::{self, Wants};
use crate::file_store::signed;
use crate::file_store::streams::{completed, conditions, standing};
use crate::http::body::{NOT_ENCODED, is_encoded};
use crate::http::error::Error;
use crate::objects::files::Files;
use crate::request::Request;
use crate::site::Site;

const METHODS: &str = "GET, HEAD, PUT, PATCH, DELETE, OPTIONS";

/// Serves whoever has a token.
pub async fn of_caller(request: &Request, env: &Env, caller: &Caller, file_id: &str) -> Result<Response, Denied> {
    let wants = match request.method() {
        Method::Get | Method::Head => Wants::Read,
        Method::Put | Method::Patch | Method::Delete => Wants::Change,
        _ => return Err(Denied::Method(METHODS)),
    };
    let about = (None, Some(file_id).filter(|_| wants == Wants::Read));
    let looked = access::of_caller(env, caller, wants, about).await;
    let (who, _) = looked.map_err(|error| Denied::access(error, request))?;
    serve(request, env, &caller.user_id, who, file_id).await
}

/// Serves whoever has a signed URL for this file.
pub async fn of_signed(
    request: &Request,
    env: &Env,
    user_id: &str,
    good_for: signed::Method,
    file_id: &str,
) -> Result<Response, Denied> {
    let fits = match (request.method(), good_for) {
        (Method::Get, signed::Method::Get) | (Method::Put | Method::Patch, signed::Method::Put) | (Method::Head, _) => {
            true
        }
        (Method::Get | Method::Put | Method::Patch | Method::Delete, _) => false,
        _ => return Err(Denied::Method(METHODS)),
    };
    if !fits {
        return Err(Denied::NotSigned);
    }
    serve(request, env, user_id, Who::Owner, file_id).await
}

async fn serve(request: &Request, env: &Env, user_id: &str, who: Who, file_id: &str) -> Result<Response, Denied> {
    let store = Files::of(env, user_id)?;
    match request.method() {
        Method::Get => {
            let ask = Ask { user_id: user_id.to_owned(), who, stream: Stream::Get(conditions(request)?) };
            let answer = accepted(store.stream("GET", file_id, &ask, None).await?).await?;
            download(&answer, false)
        }
        Method::Head => {
            let ask = Ask { user_id: user_id.to_owned(), who, stream: Stream::Head(conditions(request)?) };
            // Not by HEAD, whose answer could not say why it is refused.
            let answer = accepted(store.stream("GET", file_id, &ask, None).await?).await?;
            if let Some(standing) = standing(&answer)? {
                let response = Response::empty()?;
                standing_headers(response.headers(), &standing)?;
                return Ok(response);
            }
            download(&answer, request.headers().has(tus::RESUMABLE)?)
        }
        Method::Put => put(request, env, user_id, store, who, file_id).await,
        Method::Patch => patch(request, env, user_id, store, who, file_id).await,
        Method::Delete => match store.ask(who, Command::Delete { file_id: file_id.to_owned() }).await? {
            Reply::Done => Ok(Response::empty()?.with_status(204)),
            Reply::Refused(refusal) => Err(refusal.into()),
            _ => Err(Error::UnexpectedReply("Files").into()),
        },
        _ => Err(Denied::Method(METHODS)),
    }
}

/// The whole content.
async fn put(
    request: &Request,
    env: &Env,
    user_id: &str,
    store: Files,
    who: Who,
    file_id: &str,
) -> Result<Response, Denied> {
    let ask = Ask { user_id: user_id.to_owned(), who, stream: Stream::Put { length: length(request)? } };
    let answer = accepted(store.stream("PUT", file_id, &ask, request.body()?).await?).await?;
    let file = completed(&answer)?.ok_or(Error::UnexpectedReply("Files"))?;
    let here = Site::of(request, &Config::of(env)).map_err(Error::from)?.here;
    let shown = signed::shown(env, &here, user_id, &file).await?;
    let response = Response::from_json(&shown)?.with_status(201);
    response.headers().set("etag", &format!("\"{}\"", file.sha256))?;
    Ok(response)
}

/// A part of it, as tus sends it.
async fn patch(
    request: &Request,
    env: &Env,
    user_id: &str,
    store: Files,
    who: Who,
    file_id: &str,
) -> Result<Response, Denied> {
    let offset = tus::number(request, tus::OFFSET)?;
    let offset =
        offset.ok_or_else(|| Denied::invalid("Upload-Offset is missing: the number of bytes that were sent before"))?;
    let kind = request.headers().get("content-type")?.unwrap_or_default();
    if !kind.trim().eq_ignore_ascii_case(tus::PART) {
        return Err(Denied::MediaType(format!("Content-Type must be {}", tus::PART)));
    }
    let ask = Ask { user_id: user_id.to_owned(), who, stream: Stream::Patch { offset, length: length(request)? } };
    let answer = accepted(store.stream("PATCH", file_id, &ask, request.body()?).await?).await?;
    let response = Response::empty()?.with_status(204);
    if let Some(standing) = standing(&answer)? {
        standing_headers(response.headers(), &standing)?;
    }
    if let Some(file) = completed(&answer)? {
        let here = Site::of(request, &Config::of(env)).map_err(Error::from)?.here;
        stored_headers(env, &here, user_id, response.headers(), &file).await?;
    }
    Ok(response)
}

/// An upload of no bytes at all, which is complete at once.
pub async fn put_nothing(env: &Env, user_id: &str, who: Who, file_id: &str) -> Result<File, Denied> {
    let ask = Ask { user_id: user_id.to_owned(), who, stream: Stream::Put { length: Some(0) } };
    let answer = accepted(Files::of(env, user_id)?.stream("PUT", file_id, &ask, None).await?).await?;
    completed(&answer)?.ok_or_else(|| Error::UnexpectedReply("Files").into())
}

/// What the client has announced; none for a body whose end tells its length.
fn length(request: &Request) -> Result<Option<i64>, Denied> {
    if is_encoded(request)? {
        return Err(Denied::MediaType(NOT_ENCODED.to_owned()));
    }
    tus::number(request, "content-length")
}
