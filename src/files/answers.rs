//! What the object has answered, as an answer to the client.

use files::wire::{File, Standing};
use worker::web_sys::Response as RuntimeResponse;
use worker::{Env, Headers, Response};

use super::denied::Denied;
use super::tus;
use crate::file_store::{signed, streams};

/// The header with a completed file as JSON, for a client that has sent its last part.
const COMPLETED_FILE: &str = "blender-bus-file";

/// The answer as it came, if it is none of a refusal.
///
/// # Errors
/// The refusal, or that the object has failed.
pub async fn accepted(answer: RuntimeResponse) -> Result<RuntimeResponse, Denied> {
    Ok(streams::accepted(answer).await??)
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
    let headers = streams::download_headers(answer)?;
    if tells_offset && let Some(length) = headers.get("content-length")? {
        headers.set(tus::RESUMABLE, tus::VERSION)?;
        headers.set(tus::OFFSET, &length)?;
        headers.set(tus::LENGTH, &length)?;
    }
    Ok(streams::passed_on(answer, &headers)?)
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
