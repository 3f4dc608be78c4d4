//! A request as it came to the edge, read in one piece: `scripts/entry.js` writes its method, URL and headers into one text, and
//! reads short bodies of JSON before. To ask the runtime for each would be a call out of the module for each.

use core::cell::RefCell;

use url::Url;
use worker::web_sys::{ReadableStream, Request as RuntimeRequest, Response as RuntimeResponse};
use worker::{ByteStream, Error, Method, Response, Result};

pub struct Request {
    method: Method,
    url: String,
    headers: Headers,
    /// The body, where it has been read already.
    read: RefCell<Option<Vec<u8>>>,
    raw: RuntimeRequest,
}

/// Names in lower case and values, as the runtime lists them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Request {
    /// `head`: `METHOD URL`, and a line `name: value` for each header.
    pub fn new(head: &str, read: Option<Vec<u8>>, raw: RuntimeRequest) -> Self {
        let (method, url, headers) = parse(head);
        Self { method: Method::from(method.to_owned()), url: url.to_owned(), headers, read: RefCell::new(read), raw }
    }

    pub fn method(&self) -> Method {
        self.method.clone()
    }

    /// # Errors
    /// If the URL is none, which the runtime lets nobody send.
    pub fn url(&self) -> Result<Url> {
        Ok(Url::parse(&self.url)?)
    }

    pub fn path(&self) -> String {
        path(&self.url).to_owned()
    }

    /// The URL up to its path.
    pub fn origin(&self) -> &str {
        split(&self.url).0
    }

    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// All of the body; empty if there is none or it was taken before.
    ///
    /// # Errors
    /// If it does not come.
    pub async fn bytes(&self) -> Result<Vec<u8>> {
        match self.read.take() {
            Some(bytes) => Ok(bytes),
            None => self.runtime().bytes().await,
        }
    }

    /// The body as it comes.
    ///
    /// # Errors
    /// If there is none.
    pub fn stream(&self) -> Result<ByteStream> {
        match self.read.take() {
            // As the runtime has it: the crate makes no stream of bytes.
            Some(bytes) => Response::from(RuntimeResponse::from(Response::from_bytes(bytes)?)).stream(),
            None => self.runtime().stream(),
        }
    }

    /// The same for the runtime to pass on; none if there is none.
    ///
    /// # Errors
    /// If the runtime cannot make one.
    pub fn body(&self) -> Result<Option<ReadableStream>> {
        match self.read.take() {
            Some(bytes) => Ok(RuntimeResponse::from(Response::from_bytes(bytes)?).body()),
            None => Ok(self.raw.body()),
        }
    }

    fn runtime(&self) -> worker::Request {
        // The same one; its own `clone` would double the body.
        worker::Request::from(Clone::clone(&self.raw))
    }

    pub fn has_body(&self) -> bool {
        self.read.borrow().is_some() || self.raw.body().is_some()
    }

    /// The runtime's own. Its body may have been read.
    pub fn raw(&self) -> &RuntimeRequest {
        &self.raw
    }
}

impl Headers {
    /// The value of a header, in any case of letters. It never fails; the result is that of the runtime's headers.
    #[allow(clippy::unnecessary_wraps)]
    pub fn get(&self, name: &str) -> Result<Option<String>, Error> {
        Ok(self.find(name).map(str::to_owned))
    }

    /// As `get`.
    #[allow(clippy::unnecessary_wraps)]
    pub fn has(&self, name: &str) -> Result<bool, Error> {
        Ok(self.find(name).is_some())
    }

    fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

fn parse(head: &str) -> (&str, &str, Headers) {
    let mut lines = head.split('\n');
    let (method, url) = lines.next().and_then(|line| line.split_once(' ')).unwrap_or_default();
    let pairs = lines.filter_map(|line| line.split_once(": "));
    (method, url, Headers(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
}

/// A URL that the runtime has written, before its path and from there.
fn split(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |end| end.saturating_add("://".len()));
    let path = url.get(host..).and_then(|after| after.find('/')).map(|start| start.saturating_add(host));
    path.and_then(|start| url.split_at_checked(start)).unwrap_or((url, "/"))
}

/// Its path.
fn path(url: &str) -> &str {
    let (_, path) = split(url);
    path.split(['?', '#']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::{parse, path, split};

    #[test]
    fn a_head_is_read_line_by_line() {
        let (method, url, headers) = parse("POST https://bus.example/mcp?a=b\naccept: a, b\nx-empty: \nx-colon: a: b");
        assert_eq!((method, url), ("POST", "https://bus.example/mcp?a=b"));
        assert_eq!(headers.get("Accept").unwrap().as_deref(), Some("a, b"));
        assert_eq!(headers.get("X-EMPTY").unwrap().as_deref(), Some(""));
        assert_eq!(headers.get("x-colon").unwrap().as_deref(), Some("a: b"));
        assert!(!headers.has("x-missing").unwrap() && headers.has("x-empty").unwrap());
        assert_eq!(parse("GET http://localhost/").2, super::Headers::default());
    }

    #[test]
    fn the_path_of_a_url_ends_before_its_query() {
        for (url, expected) in [
            ("https://bus.example/", "/"),
            ("https://bus.example/a/b?c=/d", "/a/b"),
            ("http://[::1]:8787/a%2Fb#c", "/a%2Fb"),
            ("http://localhost:8787/?/x", "/"),
        ] {
            assert_eq!(path(url), expected, "{url}");
        }
    }

    #[test]
    fn the_origin_of_a_url_ends_before_its_path() {
        for (url, expected) in [
            ("https://bus.example/a?b=https://evil.example/", "https://bus.example"),
            ("http://[::1]:8787/", "http://[::1]:8787"),
            ("https://bus.example", "https://bus.example"),
        ] {
            assert_eq!(split(url).0, expected, "{url}");
        }
    }
}
