//! Redirects.

use worker::{Response, ResponseBuilder};

use crate::http::error::Error;

/// A redirect to another page or to a client's redirect URI.
pub fn see_other(location: &str) -> Result<ResponseBuilder, Error> {
    // 303, not 307, which would send the posted password on (RFC 9700 section 4.12).
    let response = Response::builder().with_status(303).with_header("location", location)?;
    Ok(response.with_header("cache-control", "no-store")?.with_header("referrer-policy", "no-referrer")?)
}
