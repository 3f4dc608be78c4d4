//! Headers that every answer has, set in one place so that no endpoint can forget them.

use worker::web_sys::{Headers, Response};

/// What an answer says unless its endpoint has said something else. Tokens are near nearly everywhere, so caching is what
/// an endpoint has to allow.
const DEFAULTS: [(&str, &str); 3] =
    [("cache-control", "no-store"), ("referrer-policy", "no-referrer"), ("x-content-type-options", "nosniff")];
/// What documents have besides: no page here uses any of these abilities, and none is framed or opened by another.
const OF_DOCUMENTS: [(&str, &str); 3] = [
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), publickey-credentials-get=(), usb=()",
    ),
];
pub const HSTS: (&str, &str) = ("strict-transport-security", "max-age=31536000");

/// Adds the headers. `is_https`: the client has come over https.
pub fn secure(response: Response, is_https: bool) -> Response {
    // The handshake of a WebSocket is no document.
    if response.status() == 101 {
        return response;
    }
    let headers = response.headers();
    for (name, value) in DEFAULTS {
        add(&headers, name, value);
    }
    let kind = headers.get("content-type").ok().flatten().unwrap_or_default();
    if kind.starts_with("text/html") {
        for (name, value) in OF_DOCUMENTS {
            add(&headers, name, value);
        }
    }
    if is_https {
        add(&headers, HSTS.0, HSTS.1);
    }
    response
}

fn add(headers: &Headers, name: &str, value: &str) {
    if !headers.has(name).unwrap_or(true) {
        // Headers that may not be changed stay as they are.
        let _unchanged = headers.set(name, value);
    }
}
