//! What the object has answered, as an answer to the client.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use files::refusal::Refusal;
use files::wire::{COMPLETED, File, LENGTH, STANDING, Standing};
use serde::de::DeserializeOwned;
use worker::web_sys::{Response as RuntimeResponse, ResponseInit};
use worker::{Env, Headers, Response};

use super::denied::Denied;
use super::tus;
use crate::file_store::signed;
use crate::http::error::Error;

/// The header with a completed file as JSON, for a client that has sent its last part.
const COMPLETED_FILE: &str = "blender-bus-file";
/// What an answer of the object may say of itself.
const PASSED_ON: [&str; 6] =
    ["etag", "accept-ranges", "content-type", "content-disposition", "content-range", "content-length"];

/// The answer as it came, if it is none of a refusal.
///
/// # Errors
/// The refusal, or that the object has failed.
pub async fn accepted(answer: RuntimeResponse) -> Result<RuntimeResponse, Denied> {
    let status = answer.status();
    if status < 400 {
        return Ok(answer);
    }
    let text = Response::from(answer).text().await?;
    match serde_json::from_str::<Refusal>(&text) {
        Ok(refusal) => Err(refusal.into()),
        Err(_) => Err(Error::Object("Files", status).into()),
    }
}

/// A JSON document in a header of the object's answer.
pub fn said<T: DeserializeOwned>(answer: &RuntimeResponse, name: &str) -> Result<Option<T>, Denied> {
    let header = answer.headers().get(name).map_err(worker::Error::from)?;
    let Some(header) = header else { return Ok(None) };
    let json = URL_SAFE_NO_PAD.decode(header).map_err(|_| Error::UnexpectedReply("Files"))?;
    Ok(Some(serde_json::from_slice(&json).map_err(Error::from)?))
}

/// The file that an upload has become.
pub fn completed(answer: &RuntimeResponse) -> Result<Option<File>, Denied> {
    said(answer, COMPLETED)
}

/// How far the upload is.
pub fn standing(answer: &RuntimeResponse) -> Result<Option<Standing>, Denied> {
    said(answer, STANDING)
}

/// What tells of an upload how far it is.
pub fn standing_headers(headers: &Headers, standing: &Standing) -> worker::Result<()> {
    headers.set(tus::RESUMABLE, tus::VERSION)?;
    headers.set(tus::OFFSET, &standing.offset.to_string())?;
    if let Some(length) = standing.length {
        headers.set(tus::LENGTH, &length.to_string())?;
    }
    if standing.expires_ms > 0 {
        headers.set(tus::EXPIRES, &tus::http_date(standing.expires_ms))?;
    }
    headers.set("cache-control", "no-store")
}

/// What tells the client that its upload is complete, so that it need not ask.
pub async fn stored_headers(
    env: &Env,
    here: &str,
    user_id: &str,
    headers: &Headers,
    file: &File,
) -> Result<(), Denied> {
    let shown = signed::shown(env, here, user_id, file).await?.to_string();
    headers.set(COMPLETED_FILE, &in_ascii(&shown))?;
    headers.set(tus::OFFSET, &file.bytes.to_string())?;
    Ok(())
}

/// JSON with everything beyond ASCII escaped, as a header needs it.
fn in_ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter.is_ascii() {
            text.push(letter);
            continue;
        }
        let mut units = [0_u16; 2];
        for unit in letter.encode_utf16(&mut units) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    }
    text
}

/// A download, or its head. `answer` is passed on unread.
pub fn download(answer: &RuntimeResponse, tells_offset: bool) -> Result<Response, Denied> {
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
    if tells_offset && let Some(length) = headers.get("content-length")? {
        headers.set(tus::RESUMABLE, tus::VERSION)?;
        headers.set(tus::OFFSET, &length)?;
        headers.set(tus::LENGTH, &length)?;
    }
    let init = ResponseInit::new();
    init.set_status(answer.status());
    init.set_headers(&headers.0);
    let made = RuntimeResponse::new_with_opt_readable_stream_and_init(answer.body().as_ref(), &init);
    Ok(Response::from(made.map_err(worker::Error::from)?))
}

#[cfg(test)]
mod tests {
    use super::in_ascii;

    #[test]
    fn json_in_a_header_is_ascii_and_means_the_same() {
        let json = serde_json::json!({"name": "日本\u{1f600}é.png"}).to_string();
        let ascii = in_ascii(&json);
        assert!(ascii.is_ascii());
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&ascii).unwrap(),
            serde_json::from_str::<serde_json::Value>(&json).unwrap()
        );
    }
}
