//! Fetches JSON from another server, with limits on size and time, and without following redirects.

use core::time::Duration;

use kernel::json;
use runtime::patience::within;
use serde::de::DeserializeOwned;
use worker::{AbortSignal, Fetch, Request, RequestInit, RequestRedirect};

use crate::http::body::bounded;
use crate::http::error::Error;

const MAX_BYTES: usize = 128 * 1024;
/// For the whole response, headers and body.
const PATIENCE: Duration = Duration::from_secs(8);

/// Fetches `url` and parses its JSON body.
///
/// # Errors
/// `Error::OtherServer` for a redirect or another status than 200, too much data, no answer in time, or other JSON.
pub async fn json<T: DeserializeOwned>(url: &str, mut init: RequestInit) -> Result<T, Error> {
    init.with_redirect(RequestRedirect::Manual);
    let request = Request::new_with_init(url, &init)?;
    let answer = within(PATIENCE, async |signal| read(request, signal).await).await;
    let body = answer.ok_or_else(|| failed(url, "did not answer in time"))??;
    let body = body.ok_or_else(|| failed(url, "answered with too much, or not with 200"))?;
    json::read(&body).map_err(|error| failed(url, &format!("answered with something unexpected: {error}")))
}

async fn read(request: Request, signal: &AbortSignal) -> Result<Option<Vec<u8>>, Error> {
    let mut response = Fetch::Request(request).send_with_signal(signal).await?;
    if response.status_code() != 200 {
        return Ok(None);
    }
    Ok(bounded(response.stream()?, MAX_BYTES).await?)
}

fn failed(url: &str, what: &str) -> Error {
    Error::OtherServer(format!("{url} {what}"))
}
