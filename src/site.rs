//! The server's own addresses: its issuer, the origin of a request, and the origins that count as the same audience.
//!
//! Invariant: plain http is for loopback only. An issuer has no trailing slash.
use core::cell::RefCell;

use thiserror::Error;
use url::{Host, Url};

use crate::catalog::tools::Profile;
use crate::config::Config;
use crate::request::Request;

/// Why the origin of a request cannot be this server's.
#[derive(Debug, Clone, Copy, Error, PartialEq, Eq)]
pub enum SiteError {
    #[error("this server speaks plain http on localhost, 127.0.0.1 and [::1] only: use https, or set PUBLIC_ORIGIN")]
    PlainHttp,
    #[error("PUBLIC_ORIGIN must be an origin such as https://bus.example.com, without path, query or credentials")]
    PublicOrigin,
    #[error("the request has no usable URL")]
    Unreadable,
}

/// The two origins of a request, as `scheme://host[:port]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The issuer: `iss` and `aud` of this server's tokens.
    pub issuer: String,
    /// The origin that this client uses: for endpoints and resources in metadata.
    pub here: String,
    loopback: bool,
    port: Option<u16>,
}

thread_local! {
    /// That of the last request, by the beginning of its URL: most requests of an isolate come to the same.
    static LAST: RefCell<Option<(String, Result<Site, SiteError>)>> = const { RefCell::new(None) };
}

impl Site {
    /// `config`: the isolate's, which does not change.
    pub fn of(request: &Request, config: &Config) -> Result<Self, SiteError> {
        Self::remembered(request.origin(), || {
            let url = request.url().map_err(|_| SiteError::Unreadable)?;
            Self::at(&url, config.public_origin.as_deref())
        })
    }

    fn remembered(origin: &str, read: impl FnOnce() -> Result<Self, SiteError>) -> Result<Self, SiteError> {
        LAST.with_borrow_mut(|last| match last {
            Some((known, site)) if known == origin => site.clone(),
            _ => {
                let site = read();
                *last = Some((origin.to_owned(), site.clone()));
                site
            }
        })
    }

    fn at(url: &Url, public_origin: Option<&str>) -> Result<Self, SiteError> {
        let public = public_origin.map(public_url).transpose()?;
        let mut here = url;
        if let Some(public) = &public {
            // Behind a proxy that terminates TLS, the scheme of the request is not the client's.
            let proxied = url.host() == public.host();
            if proxied || (url.scheme() == "http" && !is_loopback(url)) {
                here = public;
            }
        }
        if here.scheme() != "https" && !(here.scheme() == "http" && is_loopback(here)) {
            return Err(SiteError::PlainHttp);
        }
        let issuer = public.as_ref().unwrap_or(here);
        Ok(Self {
            issuer: issuer.origin().ascii_serialization(),
            here: here.origin().ascii_serialization(),
            // A request may name any host: a server that is for others is not on loopback because one says so.
            loopback: is_loopback(here) && is_loopback(issuer),
            port: issuer.port_or_known_default().filter(|_| is_loopback(issuer)),
        })
    }

    #[cfg(test)]
    pub fn for_tests(url: &str) -> Self {
        Self::at(&Url::parse(url).unwrap(), None).unwrap()
    }

    /// Whether the request came over loopback, to a server that is for this machine alone.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Whether a host name is this server's.
    pub fn is_own_host(&self, name: &str) -> bool {
        let host_is = |origin: &str| Url::parse(origin).is_ok_and(|own| own.host_str() == Some(name));
        host_is(&self.here) || host_is(&self.issuer)
    }

    pub fn is_https(&self) -> bool {
        self.here.starts_with("https:")
    }

    /// The accepted spellings of the issuer: all loopback names with the same port are one server.
    pub fn audiences(&self) -> Vec<String> {
        match self.port {
            Some(port) => ["localhost", "127.0.0.1", "[::1]"].map(|host| loopback_origin(host, port)).to_vec(),
            None => vec![self.issuer.clone()],
        }
    }

    /// Whether `resource` (RFC 8707) is an MCP endpoint of this server.
    pub fn is_resource(&self, resource: &str) -> bool {
        let Ok(url) = Url::parse(resource) else { return false };
        let origin = url.origin().ascii_serialization();
        let path = url.path().strip_suffix('/').unwrap_or(url.path());
        let endpoint = matches!(path, "" | "/mcp") || Profile::ALL.iter().any(|profile| profile.path() == path);
        // A query, which the user may have pasted with the URL, names no other resource.
        let bare = url.fragment().is_none() && url.username().is_empty();
        endpoint && bare && url.password().is_none() && (origin == self.here || self.audiences().contains(&origin))
    }
}

/// An origin as `Url` writes it: without the scheme's default port.
fn loopback_origin(host: &str, port: u16) -> String {
    if port == 80 { format!("http://{host}") } else { format!("http://{host}:{port}") }
}

fn public_url(origin: &str) -> Result<Url, SiteError> {
    let url = Url::parse(origin).map_err(|_| SiteError::PublicOrigin)?;
    let written = url.origin().ascii_serialization();
    let bare = written == origin || format!("{written}/") == origin;
    if bare && matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(SiteError::PublicOrigin) }
}

pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address == core::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == core::net::Ipv6Addr::LOCALHOST,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Site, SiteError};
    use url::Url;

    fn site(url: &str, public: Option<&str>) -> Result<Site, SiteError> {
        Site::at(&Url::parse(url).unwrap(), public)
    }

    #[test]
    fn without_configuration_the_issuer_is_where_the_request_came_to() {
        let site = site("https://bus.example/authorize?x", None).unwrap();
        assert_eq!((site.issuer.as_str(), site.here.as_str()), ("https://bus.example", "https://bus.example"));
        assert_eq!(site.audiences(), ["https://bus.example"]);
    }

    #[test]
    fn the_site_of_the_last_origin_is_remembered_and_no_other() {
        let (mine, other) = ("https://bus.example", "http://bus.example");
        let asked = |origin: &str| Site::remembered(origin, || site(origin, None));
        assert_eq!(asked(mine).unwrap().here, mine);
        assert_eq!(asked(other), Err(SiteError::PlainHttp));
        assert_eq!(asked(mine).unwrap().here, mine);
        assert_eq!(Site::remembered(mine, || Err(SiteError::Unreadable)).unwrap().here, mine);
    }

    #[test]
    fn a_configured_issuer_holds_under_every_name() {
        let site = site("https://bus.acme.workers.dev/mcp", Some("https://bus.example/")).unwrap();
        assert_eq!(site.issuer, "https://bus.example");
        assert_eq!(site.here, "https://bus.acme.workers.dev");
        assert!(site.is_resource("https://bus.example/mcp") && site.is_resource("https://bus.acme.workers.dev/"));
        assert!(!site.is_resource("https://evil.example/mcp"));
    }

    #[test]
    fn behind_a_proxy_the_configured_origin_is_where_the_client_is() {
        for url in ["http://bus.example/token", "http://10.0.0.7:8080/token"] {
            assert_eq!(site(url, Some("https://bus.example")).unwrap().here, "https://bus.example");
        }
    }

    #[test]
    fn plain_http_is_for_loopback_alone() {
        for url in ["http://bus.example/", "http://localhost.evil.example/", "http://127.0.0.2/", "http://0.0.0.0/"] {
            assert_eq!(site(url, None), Err(SiteError::PlainHttp), "{url}");
        }
    }

    #[test]
    fn the_names_of_loopback_are_one_server_on_one_port() {
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            let site = site(&format!("http://{host}:8787/"), None).unwrap();
            assert!(site.is_loopback());
            assert!(site.audiences().contains(&site.issuer));
            assert_eq!(site.audiences().len(), 3);
            assert!(site.is_resource("http://127.0.0.1:8787/mcp") && !site.is_resource("http://127.0.0.1:8788/mcp"));
        }
        assert!(site("http://localhost/", None).unwrap().audiences().contains(&"http://localhost".to_owned()));
    }

    #[test]
    fn a_server_with_a_public_origin_is_on_loopback_for_nobody() {
        for url in ["http://localhost:8787/", "http://127.0.0.1:8787/", "http://[::1]:8787/"] {
            assert!(!site(url, Some("https://bus.example")).unwrap().is_loopback(), "{url}");
            assert!(site(url, Some("http://localhost:8787")).unwrap().is_loopback(), "{url}");
        }
    }

    #[test]
    fn a_public_origin_is_only_an_origin() {
        for origin in ["bus.example", "https://bus.example/path", "https://u@bus.example", "ftp://bus.example"] {
            assert_eq!(site("https://bus.example/", Some(origin)), Err(SiteError::PublicOrigin), "{origin}");
        }
    }

    #[test]
    fn only_the_mcp_endpoints_are_resources() {
        let site = site("https://bus.example/", None).unwrap();
        let bare = ["https://bus.example", "https://bus.example/", "HTTPS://BUS.example"];
        let endpoints = ["https://bus.example/mcp?x=1", "https://bus.example/mcp/", "https://bus.example/mcp/core/"];
        for resource in bare.into_iter().chain(endpoints) {
            assert!(site.is_resource(resource), "{resource}");
        }
        for resource in
            ["", "/mcp", "https://bus.example/other", "https://bus.example/mcp#x", "https://a@bus.example/mcp", "x:y"]
        {
            assert!(!site.is_resource(resource), "{resource}");
        }
    }
}
