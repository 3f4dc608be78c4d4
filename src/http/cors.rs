//! CORS for endpoints that browser clients of any origin may call. None of them uses cookies.

use worker::{Response, Result};

/// Adds the header that lets pages of any origin read the response.
pub fn allow(mut response: Response) -> Result<Response> {
    response.headers_mut().set("access-control-allow-origin", "*")?;
    Ok(response)
}

/// The answer to a preflight.
pub fn preflight() -> Result<Response> {
    let response = Response::builder()
        .with_status(204)
        .with_header("access-control-allow-methods", "GET, POST, PUT, DELETE, OPTIONS")?
        .with_header("access-control-allow-headers", "Authorization, Content-Type, MCP-Protocol-Version")?
        .with_header("access-control-max-age", "86400")?
        .empty();
    allow(response)
}
