//! Sending a browser on.

use worker::{Response, ResponseBuilder};

use crate::http::error::Error;

/// To another page or a client's redirect URI.
pub fn see_other(location: &str) -> Result<ResponseBuilder, Error> {
    // 303 and not 307: the password must not be posted on (OAuth security best practice, RFC 9700 section 4.12).
    let response = Response::builder().with_status(303).with_header("location", location)?;
    Ok(response.with_header("cache-control", "no-store")?.with_header("referrer-policy", "no-referrer")?)
}
