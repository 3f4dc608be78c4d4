//! Parts of the dashboard's pages, which their scripts fetch.

use worker::{Response, ResponseBuilder};

use crate::http::error::Error;

/// Set by a script, which wants a part of the page instead of the whole.
pub const PART_HEADER: &str = "x-dashboard-part";

/// A part of a page, for its script.
pub fn part(html: &str) -> Result<Response, Error> {
    Ok(bare(200)?.fixed(html.as_bytes().to_vec()))
}

/// 401. The script then reloads the page, which redirects to the sign-in page.
pub fn signed_out() -> Result<Response, Error> {
    Ok(bare(401)?.fixed(b"You are signed out.".to_vec()))
}

fn bare(status: u16) -> Result<ResponseBuilder, Error> {
    Ok(Response::builder()
        .with_status(status)
        .with_header("content-type", "text/html; charset=utf-8")?
        .with_header("content-security-policy", "default-src 'none'; frame-ancestors 'none'")?
        .with_header("x-content-type-options", "nosniff")?
        .with_header("cache-control", "no-store")?)
}
