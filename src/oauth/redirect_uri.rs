//! Redirect URIs: which may be registered, and whether a requested one matches.
//!
//! Matching is exact except for the port of loopback URIs (OAuth 2.1 section 2.3.1, RFC 8252 section 7.3). Allowed are
//! https, http on loopback, and private-use schemes of native apps, but nothing that a browser would run or read from
//! disk.

use thiserror::Error;
use url::Url;

use crate::site::is_loopback;

pub const MAX_BYTES: usize = 512;
/// Schemes that run code, open local files, or are no app's callback.
const REFUSED: [&str; 17] = [
    "about",
    "blob",
    "chrome",
    "data",
    "file",
    "filesystem",
    "ftp",
    "gopher",
    "jar",
    "javascript",
    "mailto",
    "sms",
    "tel",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];

#[derive(Debug, Error, PartialEq, Eq)]
pub enum RedirectError {
    #[error("a redirect URI has at most {MAX_BYTES} bytes")]
    TooLong,
    #[error(
        "a redirect URI is an absolute URI of printable ASCII, without spaces, quotes, backslashes or angle brackets"
    )]
    Malformed,
    #[error("a redirect URI has no fragment")]
    Fragment,
    #[error("a redirect URI has no user name or password")]
    Credentials,
    #[error("plain http redirects go to localhost, 127.0.0.1 or [::1] only: use https")]
    PlainHttp,
    #[error("redirects to {0}: are not allowed")]
    Scheme(String),
}

/// Where the authorization code goes, as the consent page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A program on the user's machine. Any program there may listen on it.
    Loopback {
        origin: String,
    },
    Web {
        origin: String,
        host: String,
    },
    /// An app that has registered this scheme on the user's machine.
    App {
        scheme: String,
    },
}

impl Destination {
    /// The source for `form-action` in the Content-Security-Policy of a page whose form leads there.
    pub fn form_action(&self) -> String {
        match self {
            // The grammar of host-source has no IPv6 literals.
            Self::Loopback { origin } if origin.contains('[') => "http:".to_owned(),
            Self::Loopback { origin } | Self::Web { origin, .. } => origin.clone(),
            Self::App { scheme } => format!("{scheme}:"),
        }
    }
}

/// Whether `uri` may be registered, and where it leads.
pub fn check(uri: &str) -> Result<Destination, RedirectError> {
    if uri.len() > MAX_BYTES {
        return Err(RedirectError::TooLong);
    }
    // Anything that a URL parser would normalize is refused, so that all parsers read the URI alike.
    let sound = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\' | b'<' | b'>' | b'`');
    if !uri.bytes().all(sound) {
        return Err(RedirectError::Malformed);
    }
    if uri.contains('#') {
        return Err(RedirectError::Fragment);
    }
    let url = Url::parse(uri).map_err(|_| RedirectError::Malformed)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(RedirectError::Credentials);
    }
    let origin = url.origin().ascii_serialization();
    match url.scheme() {
        "https" | "http" if !uri.to_ascii_lowercase().starts_with(&format!("{}://", url.scheme())) => {
            Err(RedirectError::Malformed)
        }
        "https" => Ok(Destination::Web { origin, host: url.host_str().unwrap_or_default().to_owned() }),
        "http" if is_loopback(&url) => Ok(Destination::Loopback { origin }),
        "http" => Err(RedirectError::PlainHttp),
        scheme if REFUSED.contains(&scheme) => Err(RedirectError::Scheme(scheme.to_owned())),
        scheme => Ok(Destination::App { scheme: scheme.to_owned() }),
    }
}

/// Whether a requested redirect URI matches a registered one.
pub fn matches(registered: &str, requested: &str) -> bool {
    registered == requested
        || matches!((portless(registered), portless(requested)), (Some(one), Some(other)) if one == other)
}

/// A loopback URI without its port; `None` for any other URI.
fn portless(uri: &str) -> Option<Url> {
    let Ok(Destination::Loopback { .. }) = check(uri) else { return None };
    let mut url = Url::parse(uri).ok()?;
    url.set_port(None).ok()?;
    Some(url)
}

/// `uri` with `parameters` added to its query. The rest of the URI stays as registered.
pub fn with_parameters(uri: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    let separator = match uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{uri}{separator}{}", query.finish())
}

#[cfg(test)]
mod tests {
    use super::{Destination, RedirectError, check, matches, with_parameters};

    #[test]
    fn https_loopback_and_app_schemes_may_be_registered() {
        let web = |origin: &str, host: &str| Ok(Destination::Web { origin: origin.into(), host: host.into() });
        assert_eq!(check("https://app.example/cb?x=1"), web("https://app.example", "app.example"));
        assert_eq!(check("https://app.example:8443/cb"), web("https://app.example:8443", "app.example"));
        for uri in ["http://localhost:1/cb", "http://127.0.0.1/cb", "http://[::1]:9/cb"] {
            assert!(matches!(check(uri), Ok(Destination::Loopback { .. })), "{uri}");
        }
        for uri in ["vscode://vscode.microsoft-authentication", "cursor://a.b/callback", "com.example.app:/cb"] {
            assert!(matches!(check(uri), Ok(Destination::App { .. })), "{uri}");
        }
    }

    #[test]
    fn what_a_browser_would_run_or_read_is_refused() {
        for scheme in ["javascript", "data", "file", "vbscript", "blob", "JavaScript", "ws"] {
            let refused = RedirectError::Scheme(scheme.to_ascii_lowercase());
            assert_eq!(check(&format!("{scheme}:alert(1)")), Err(refused), "{scheme}");
        }
    }

    #[test]
    fn ambiguous_spellings_are_refused() {
        use RedirectError::{Credentials, Fragment, Malformed, PlainHttp, TooLong};
        for (uri, error) in [
            ("", Malformed),
            ("/callback", Malformed),
            ("https:/app.example/cb", Malformed),
            ("https:app.example", Malformed),
            ("https://app.example\\@evil.example/", Malformed),
            (" https://app.example/", Malformed),
            ("https://app.example/\r\nSet-Cookie:x", Malformed),
            ("https://app.example/\u{202e}", Malformed),
            ("https://app.example/#", Fragment),
            ("https://app.example@evil.example/", Credentials),
            ("https://:p@evil.example/", Credentials),
            ("http://app.example/", PlainHttp),
            ("http://localhost.evil.example/", PlainHttp),
            ("http://127.0.0.1.evil.example/", PlainHttp),
        ] {
            assert_eq!(check(uri), Err(error), "{uri:?}");
        }
        assert_eq!(check(&format!("https://app.example/{}", "a".repeat(500))), Err(TooLong));
    }

    #[test]
    fn matching_is_exact() {
        let registered = "https://app.example/cb";
        assert!(matches(registered, registered));
        for other in [
            "https://app.example/CB",
            "https://APP.example/cb",
            "https://app.example/cb/",
            "https://app.example/cb?x",
            "https://app.example:443/cb",
            "https://app.example:8443/cb",
            "https://app.example/cb/../evil",
            "https://app.example/%63b",
            "https://sub.app.example/cb",
            "http://app.example/cb",
        ] {
            assert!(!matches(registered, other), "{other}");
        }
    }

    #[test]
    fn only_the_port_of_loopback_is_free() {
        let registered = "http://localhost:1234/callback";
        assert!(matches(registered, "http://localhost:9/callback") && matches(registered, "http://localhost/callback"));
        for other in [
            "http://localhost:1234/other",
            "http://localhost:1234/callback?x",
            "http://127.0.0.1:1234/callback",
            "https://localhost:1234/callback",
            "http://u@localhost:1234/callback",
            "http://localhost:1234/callback#x",
        ] {
            assert!(!matches(registered, other), "{other}");
        }
    }

    #[test]
    fn parameters_are_encoded_and_join_the_query() {
        let parameters = [("code", "a b"), ("state", "&x=1\r\n#")];
        let query = "code=a+b&state=%26x%3D1%0D%0A%23";
        assert_eq!(with_parameters("https://a.example/cb", &parameters), format!("https://a.example/cb?{query}"));
        assert_eq!(with_parameters("https://a.example/?b=c", &parameters), format!("https://a.example/?b=c&{query}"));
    }
}
