//! Redirect URIs: which may be registered, and whether a requested one matches.
//!
//! Matching is exact except for the port of loopback URIs (OAuth 2.1 section 2.3.1, RFC 8252 section 7.3). Allowed are
//! https, http on loopback, and private-use schemes of native apps: those made from a domain name, and a few known ones.

use core::net::Ipv4Addr;

use thiserror::Error;
use url::{Host, Url};

use crate::site::is_loopback;

pub const MAX_BYTES: usize = 512;
/// Apps whose scheme is known although it is no reversed domain name (RFC 8252 section 7.1).
const KNOWN_APPS: [&str; 21] = [
    "antigravity",
    "chatgpt",
    "cherrystudio",
    "claude",
    "code-oss",
    "codex",
    "cursor",
    "goose",
    "jetbrains",
    "kiro",
    "lmstudio",
    "msty",
    "positron",
    "raycast",
    "trae",
    "vscode",
    "vscode-insiders",
    "vscodium",
    "warp",
    "windsurf",
    "zed",
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
    #[error("the host of a redirect URI has none of ; , * in it")]
    Host,
    #[error(
        "redirects to {0}: are not allowed: an app's scheme is its domain name reversed, such as com.example.app (RFC \
         8252 section 7.1), or that of a known app"
    )]
    Scheme(String),
}

/// Where the authorization code goes, as the consent page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A program on the user's machine. Any program there may listen on it.
    Loopback { origin: String },
    Web {
        origin: String,
        host: String,
        /// The host is this machine or one of its network: whatever answers there may be anybody's.
        private: bool,
    },
    /// An app that has registered this scheme on the user's machine.
    App { scheme: String },
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
        // They would end a source or a directive of the Content-Security-Policy that names the host.
        "https" if origin.contains([';', ',', '*']) => Err(RedirectError::Host),
        "https" => {
            let host = url.host_str().unwrap_or_default().to_owned();
            Ok(Destination::Web { origin, host, private: is_private(&url) })
        }
        "http" if is_loopback(&url) => Ok(Destination::Loopback { origin }),
        "http" => Err(RedirectError::PlainHttp),
        scheme if is_of_an_app(scheme) => Ok(Destination::App { scheme: scheme.to_owned() }),
        scheme => Err(RedirectError::Scheme(scheme.to_owned())),
    }
}

/// An allow rule: what the system or a browser does with any other scheme is not known here.
fn is_of_an_app(scheme: &str) -> bool {
    let label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    let reversed_domain = scheme.contains('.') && !scheme.starts_with("ms-") && scheme.split('.').all(label);
    reversed_domain || KNOWN_APPS.contains(&scheme)
}

/// Whether a host is this machine, or one that only its network knows.
fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            let endings = [".localhost", ".local", ".internal", ".lan", ".home.arpa", ".intranet"];
            !name.contains('.') || endings.iter().any(|ending| name.ends_with(ending))
        }
        Some(Host::Ipv4(address)) => is_private_v4(address),
        Some(Host::Ipv6(address)) => {
            let mapped = address.to_ipv4_mapped().is_some_and(is_private_v4);
            let local = address.is_loopback() || address.is_unspecified();
            mapped || local || address.is_unique_local() || address.is_unicast_link_local()
        }
        None => true,
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let shared = first == 100 && (64..128).contains(&second);
    let local = address.is_loopback() || address.is_unspecified() || first == 0;
    local || shared || address.is_private() || address.is_link_local()
}

/// Whether a requested redirect URI matches a registered one.
pub fn matches(registered: &str, requested: &str) -> bool {
    registered == requested
        || matches!((portless(registered), portless(requested)), (Some(one), Some(other)) if one == other)
}

/// A loopback URI without its port, as it is written; `None` for any other URI. The host must be spelled as
/// `localhost`, `127.0.0.1` or `[::1]`: a URL parser takes many other spellings for the same.
fn portless(uri: &str) -> Option<(&str, &str)> {
    let Ok(Destination::Loopback { .. }) = check(uri) else { return None };
    let rest = uri.strip_prefix("http://")?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let host = ["localhost", "127.0.0.1", "[::1]"].into_iter().find(|host| authority.starts_with(host))?;
    let port = authority.strip_prefix(host)?;
    let digits = |port: &str| port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    (port.is_empty() || port.strip_prefix(':').is_some_and(digits)).then_some((host, path))
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
        let web = |origin: &str, host: &str| {
            Ok(Destination::Web { origin: origin.into(), host: host.into(), private: false })
        };
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
        for scheme in [
            "javascript",
            "data",
            "file",
            "vbscript",
            "blob",
            "JavaScript",
            "ws",
            "intent",
            "ms-msdt",
            "ms-officecmd",
            "ms-settings.x",
            "search-ms",
            "chrome-extension",
            "moz-extension",
            "resource",
            "ldap",
            "ssh",
            "telnet",
            "steam",
            "feed",
            "content",
            "res",
            "myapp",
            "a..b",
            "a.-b",
        ] {
            let refused = RedirectError::Scheme(scheme.to_ascii_lowercase());
            assert_eq!(check(&format!("{scheme}:alert(1)")), Err(refused), "{scheme}");
        }
    }

    #[test]
    fn a_host_that_could_change_the_policy_of_a_page_is_refused() {
        for uri in ["https://a;script-src/cb", "https://a,b/cb", "https://*.example/cb"] {
            assert!(check(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn a_host_of_this_machine_or_network_is_private() {
        for (uri, expected) in [
            ("https://localhost/cb", true),
            ("https://app.localhost/cb", true),
            ("https://127.0.0.1:8443/cb", true),
            ("https://2130706433/cb", true),
            ("https://[::1]/cb", true),
            ("https://[::ffff:127.0.0.1]/cb", true),
            ("https://[fd00::1]/cb", true),
            ("https://192.168.1.1/cb", true),
            ("https://10.0.0.1/cb", true),
            ("https://100.64.0.1/cb", true),
            ("https://169.254.1.1/cb", true),
            ("https://nas/cb", true),
            ("https://nas.local/cb", true),
            ("https://app.example/cb", false),
            ("https://192.0.2.1/cb", false),
            ("https://[2001:db8::1]/cb", false),
        ] {
            let Ok(Destination::Web { private, .. }) = check(uri) else { panic!("{uri}") };
            assert_eq!(private, expected, "{uri}");
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
            "http://LOCALHOST:1234/callback",
            "http://loc%61lhost:77/callback",
            "http://localhost:1/x/../callback",
            "http://localhost:1/%63allback",
        ] {
            assert!(!matches(registered, other), "{other}");
        }
        for other in ["http://2130706433:9/cb", "http://0x7f.0.0.1/cb", "http://127.1/cb", "http://127.0.0.1.:1/cb"] {
            assert!(!matches("http://127.0.0.1:1/cb", other), "{other}");
        }
        assert!(matches("http://[::1]/cb?x=1", "http://[::1]:9/cb?x=1"));
    }

    #[test]
    fn parameters_are_encoded_and_join_the_query() {
        let parameters = [("code", "a b"), ("state", "&x=1\r\n#")];
        let query = "code=a+b&state=%26x%3D1%0D%0A%23";
        assert_eq!(with_parameters("https://a.example/cb", &parameters), format!("https://a.example/cb?{query}"));
        assert_eq!(with_parameters("https://a.example/?b=c", &parameters), format!("https://a.example/?b=c&{query}"));
    }
}
