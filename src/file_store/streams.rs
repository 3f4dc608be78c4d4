//! What the object answers to a stream: a refusal, how far an upload is, or bytes on their way to a client.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use files::refusal::Refusal;
use files::wire::{COMPLETED, Conditions, File, LENGTH, STANDING, Standing};
use kernel::json;
use serde::de::DeserializeOwned;
use worker::web_sys::{Response as RuntimeResponse, ResponseInit};
use worker::{Headers, Response};

use crate::http::error::Error;
use crate::request::Request;

/// What an answer of the object may say of itself.
const PASSED_ON: [&str; 6] =
    ["etag", "accept-ranges", "content-type", "content-disposition", "content-range", "content-length"];

/// The answer as it came, or the object's refusal.
///
/// # Errors
/// If the object has failed.
pub async fn accepted(answer: RuntimeResponse) -> Result<Result<RuntimeResponse, Refusal>, Error> {
    let status = answer.status();
    if status < 400 {
        return Ok(Ok(answer));
    }
    let text = Response::from(answer).text().await?;
    serde_json::from_str(&text).map(Err).map_err(|_| Error::Object("Files", status))
}

/// The file that an upload has become.
pub fn completed(answer: &RuntimeResponse) -> Result<Option<File>, Error> {
    said(answer, COMPLETED)
}

/// How far the upload is.
pub fn standing(answer: &RuntimeResponse) -> Result<Option<Standing>, Error> {
    said(answer, STANDING)
}

/// A JSON document in a header of the object's answer.
fn said<T: DeserializeOwned>(answer: &RuntimeResponse, name: &str) -> Result<Option<T>, Error> {
    let header = answer.headers().get(name).map_err(worker::Error::from)?;
    let Some(header) = header else { return Ok(None) };
    let json = URL_SAFE_NO_PAD.decode(header).map_err(|_| Error::UnexpectedReply("Files"))?;
    Ok(Some(json::read(&json)?))
}

/// What a client wants of a download.
pub fn conditions(request: &Request) -> Result<Conditions, Error> {
    let header = |name| request.headers().get(name);
    Ok(Conditions { range: header("range")?, if_none_match: header("if-none-match")?, if_range: header("if-range")? })
}

/// The headers of a download, or of its head.
pub fn download_headers(answer: &RuntimeResponse) -> Result<Headers, Error> {
    let headers = Headers::new();
    for name in PASSED_ON {
        if let Some(value) = answer.headers().get(name).map_err(worker::Error::from)? {
            headers.set(name, &value)?;
        }
    }
    if let Some(length) = answer.headers().get(LENGTH).map_err(worker::Error::from)? {
        headers.set("content-length", &length)?;
    }
    // Nothing of it runs here, whatever it is: it is not shown but saved, and shown it would have no rights.
    headers.set("content-security-policy", "default-src 'none'; sandbox")?;
    headers.set("x-content-type-options", "nosniff")?;
    headers.set("cache-control", "private, no-cache")?;
    Ok(headers)
}

/// The answer's bytes under these headers, unread.
pub fn passed_on(answer: &RuntimeResponse, headers: &Headers) -> Result<Response, Error> {
    let init = ResponseInit::new();
    init.set_status(answer.status());
    init.set_headers(&headers.0);
    let made = RuntimeResponse::new_with_opt_readable_stream_and_init(answer.body().as_ref(), &init);
    Ok(Response::from(made.map_err(worker::Error::from)?))
}
