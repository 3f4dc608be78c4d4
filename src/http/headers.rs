//! Headers that every answer has, set in one place so that no endpoint can forget them.

use runtime::calls::complete;
use worker::Result;
use worker::web_sys::Response;

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
///
/// # Errors
/// None that is known.
pub fn secure(response: Response, is_https: bool) -> Result<Response> {
    let always: Vec<_> = DEFAULTS.into_iter().chain(is_https.then_some(HSTS)).collect();
    complete(&response, &serde_json::to_string(&always)?, &serde_json::to_string(&OF_DOCUMENTS)?);
    Ok(response)
}
