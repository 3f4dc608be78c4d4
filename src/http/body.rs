//! Reading the body of a request, with a limit.

use futures_util::StreamExt;
use kernel::json;
use worker::ByteStream;

use crate::http::error::{Code, Error};
use crate::http::parameters::Parameters;
use crate::request::Request;

/// The longest body of an OAuth request or form, in bytes.
pub const MAX_BYTES: usize = 16 * 1024;
/// What is read and dropped at most of a form that is refused, in bytes.
const MAX_DRAINED: usize = 64 * 1024 * 1024;
/// Why a compressed body is refused.
pub const NOT_ENCODED: &str = "the body must be sent as it is, without Content-Encoding";

/// Whether the body is compressed, which no endpoint takes: what it unpacks to has no limit.
pub fn is_encoded(request: &Request) -> worker::Result<bool> {
    let encoding = request.headers().get("content-encoding")?.unwrap_or_default();
    Ok(!matches!(encoding.trim().to_ascii_lowercase().as_str(), "" | "identity"))
}

/// The body, at most `MAX_BYTES`.
pub async fn body(request: &mut Request) -> Result<Vec<u8>, Error> {
    body_within(request, MAX_BYTES).await
}

/// # Errors
/// If the request does not say how long its body is, or that it is longer than `limit` bytes.
pub async fn expect_length_within(request: &mut Request, limit: usize) -> Result<(), Error> {
    if is_encoded(request)? {
        return Err(Error::new(Code::UnsupportedMediaType, NOT_ENCODED));
    }
    match request.headers().get("content-length")?.and_then(|length| length.parse::<usize>().ok()) {
        Some(length) if length <= limit => Ok(()),
        Some(_) => {
            drain(request).await;
            Err(too_large(limit))
        }
        None => Err(Error::new(Code::InvalidRequest, "Content-Length is missing")),
    }
}

/// Reads and drops the body of a request that is refused: a client that is still sending would see a broken connection
/// instead of the answer.
pub async fn drain(request: &mut Request) {
    let Ok(mut sent) = request.stream() else { return };
    let mut drained: usize = 0;
    while drained < MAX_DRAINED
        && let Some(Ok(chunk)) = sent.next().await
    {
        drained = drained.saturating_add(chunk.len());
    }
}

fn too_large(limit: usize) -> Error {
    Error::new(Code::TooLarge, format!("the body is larger than the {limit} bytes that are accepted"))
}

async fn body_within(request: &mut Request, limit: usize) -> Result<Vec<u8>, Error> {
    let declared = request.headers().get("content-length")?.and_then(|length| length.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    if declared == Some(0) || !request.has_body() {
        return Ok(Vec::new());
    }
    bounded(request.stream()?, limit).await?.ok_or_else(|| too_large(limit))
}

/// The bytes of a stream, or `None` if there are more than `limit`. At most one chunk beyond the limit is held in
/// memory.
pub async fn bounded(mut stream: ByteStream, limit: usize) -> worker::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend(chunk?);
        if bytes.len() > limit {
            return Ok(None);
        }
    }
    Ok(Some(bytes))
}

pub async fn form(request: &mut Request) -> Result<Parameters, Error> {
    form_within(request, MAX_BYTES).await
}

/// The same with another limit, in bytes.
pub async fn form_within(request: &mut Request, limit: usize) -> Result<Parameters, Error> {
    expect_type(request, "application/x-www-form-urlencoded")?;
    let body = String::from_utf8(body_within(request, limit).await?)
        .map_err(|_| Error::new(Code::InvalidRequest, "the body is not UTF-8"))?;
    Ok(Parameters::parse(&body))
}

pub async fn json<T: serde::de::DeserializeOwned>(request: &mut Request, refusal: Code) -> Result<T, Error> {
    expect_type(request, "application/json")?;
    json::read(&body(request).await?)
        .map_err(|error| Error::new(refusal, format!("the body is not the JSON object expected here: {error}")))
}

/// # Errors
/// 415 for a body of another type, or a compressed one.
pub fn expect_type(request: &Request, expected: &str) -> Result<(), Error> {
    if is_encoded(request)? {
        return Err(Error::new(Code::UnsupportedMediaType, NOT_ENCODED));
    }
    let given = request.headers().get("content-type")?.unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(Error::new(Code::UnsupportedMediaType, format!("the content type must be {expected}")))
}
