//! `Origin` and `Host` checks for browsers, and CORS headers for allowed origins.
//!
//! Without them any web page could make its host name resolve to this machine (DNS rebinding) and use a server on
//! loopback.

use thiserror::Error;
use url::Url;
use worker::{Headers, Method, Response, Result};

use crate::config::Config;
use crate::request::Request;
use crate::site::{Site, SiteError, is_loopback};

/// What a page of an allowed origin may send to an endpoint, and read of its answer.
pub struct Cors {
    methods: &'static str,
    request_headers: &'static str,
    response_headers: &'static str,
}

/// The MCP endpoint.
pub const MCP: Cors = Cors {
    methods: "GET, POST, DELETE, OPTIONS",
    request_headers: "Authorization, Content-Type, Accept, Last-Event-ID, MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, \
                      Mcp-Name",
    response_headers: "Mcp-Session-Id, WWW-Authenticate, MCP-Protocol-Version",
};
/// Files, with what tus clients send.
pub const FILES: Cors = Cors {
    methods: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
    request_headers: "Authorization, Content-Type, Range, If-None-Match, If-Range, Tus-Resumable, Upload-Length, \
                      Upload-Offset, Upload-Metadata",
    response_headers: "WWW-Authenticate, Location, ETag, Content-Range, Content-Length, Content-Disposition, Accept-Ranges, \
                       Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Upload-Offset, Upload-Length, \
                       Upload-Expires, Blender-Bus-File",
};
const PREFLIGHT_TTL_S: &str = "86400";

/// Why a request is not served, for whoever sent it.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Forbidden(String);

/// The allowed origin of a request, or `None` if it has no `Origin` header.
///
/// # Errors
/// `Forbidden` for another origin, and for a host that cannot be this server's.
pub fn check(
    request: &Request,
    site: &core::result::Result<Site, SiteError>,
    config: &Config,
) -> core::result::Result<Option<String>, Forbidden> {
    let site = match site {
        Ok(site) => site,
        Err(error @ SiteError::PlainHttp) => return Err(Forbidden(error.to_string())),
        // A misconfiguration of this server, reported when the token is verified.
        Err(_) => return Ok(None),
    };
    let Some(origin) = request.headers().get("Origin").ok().flatten() else { return Ok(None) };
    if admits(site, &config.allowed_origins, &origin) {
        return Ok(Some(origin));
    }
    let reason = "this Origin may not use the server; its operator can add it to ALLOWED_ORIGINS";
    Err(Forbidden(reason.to_owned()))
}

fn admits(site: &Site, allowed: &[String], origin: &str) -> bool {
    let own = origin == site.here || origin == site.issuer;
    let beside = || site.is_loopback() && Url::parse(origin).is_ok_and(|url| is_loopback(&url));
    own || allowed.iter().any(|one| one == origin) || beside()
}

/// The response to a CORS preflight; `None` for any other request.
pub fn preflight(request: &Request) -> Result<Option<Response>> {
    if request.method() != Method::Options || !request.headers().has("Access-Control-Request-Method")? {
        return Ok(None);
    }
    Ok(Some(Response::empty()?.with_status(204)))
}

/// Adds the CORS headers for this origin.
pub fn allow(headers: &Headers, origin: &str, cors: &Cors) -> Result<()> {
    headers.set("Access-Control-Allow-Origin", origin)?;
    headers.set("Access-Control-Allow-Methods", cors.methods)?;
    headers.set("Access-Control-Allow-Headers", cors.request_headers)?;
    headers.set("Access-Control-Expose-Headers", cors.response_headers)?;
    headers.set("Access-Control-Max-Age", PREFLIGHT_TTL_S)?;
    headers.append("Vary", "Origin")
}

#[cfg(test)]
mod tests {
    use super::admits;
    use crate::site::Site;

    #[test]
    fn a_server_on_loopback_admits_loopback_and_nobody_else() {
        let site = Site::for_tests("http://localhost:8787/mcp");
        for origin in ["http://localhost:8787", "http://localhost:6274", "http://127.0.0.1:1", "http://[::1]:8787"] {
            assert!(admits(&site, &[], origin), "{origin}");
        }
        for origin in ["http://evil.example", "http://localhost.evil.example", "null", "", "http://10.0.0.1:8787"] {
            assert!(!admits(&site, &[], origin), "{origin}");
        }
    }

    #[test]
    fn a_public_server_admits_itself_and_what_is_listed() {
        let site = Site::for_tests("https://bus.example/mcp");
        let listed = ["https://inspector.example".to_owned()];
        for origin in ["https://bus.example", "https://inspector.example"] {
            assert!(admits(&site, &listed, origin), "{origin}");
        }
        for origin in ["http://localhost:6274", "http://bus.example", "https://bus.example.evil", "null"] {
            assert!(!admits(&site, &listed, origin), "{origin}");
        }
    }
}
