//! Headers that every answer has, set in one place so that no endpoint can forget them.

use std::sync::LazyLock;

use kernel::json::text;
use runtime::calls::complete;
use serde_json::json;
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

/// Their texts as `complete` takes them: over http, over https, and of documents.
static TEXTS: LazyLock<[String; 3]> = LazyLock::new(|| {
    let with_hsts: Vec<_> = DEFAULTS.into_iter().chain([HSTS]).collect();
    [json!(DEFAULTS), json!(with_hsts), json!(OF_DOCUMENTS)].map(|headers| text(&headers))
});

/// Adds the headers. `is_https`: the client has come over https.
pub fn secure(response: Response, is_https: bool) -> Response {
    let [http, https, of_documents] = &*TEXTS;
    complete(&response, if is_https { https } else { http }, of_documents);
    response
}
