//! Where a browser goes after signing in or out.

use url::Url;
use url::form_urlencoded::byte_serialize;
use worker::Response;

use crate::http::error::Error;
use crate::http::redirect::see_other;
use crate::routes::{self, Page};
use crate::site::Site;

/// A redirect to the sign-in page, which leads back to `page`.
pub fn sign_in_first(page: Page) -> Result<Response, Error> {
    Ok(see_other(&format!("{}?return_to={}", Page::SignIn.path(), page.path()))?.empty())
}

/// As `sign_in_first`, for a page with a query.
pub fn sign_in_first_with(page: Page, query: &str) -> Result<Response, Error> {
    let return_to: String = byte_serialize(format!("{}?{query}", page.path()).as_bytes()).collect();
    Ok(see_other(&format!("{}?return_to={return_to}", Page::SignIn.path()))?.empty())
}

fn is_after_login(path: &str) -> bool {
    routes::find(path).is_some_and(|route| route.is_after_login)
}

/// The path to go to after a login. Anything but a page of this server that a login may lead to becomes `/login`.
pub fn return_path(site: &Site, requested: Option<&str>) -> String {
    let elsewhere = || "/login".to_owned();
    let Some(requested) = requested.filter(|requested| requested.starts_with('/')) else { return elsewhere() };
    let Ok(here) = Url::parse(&site.here) else { return elsewhere() };
    match here.join(requested) {
        Ok(url) if url.origin() == here.origin() && is_after_login(url.path()) => match url.query() {
            Some(query) => format!("{}?{}", url.path(), header_safe(query)),
            None => url.path().to_owned(),
        },
        _ => elsewhere(),
    }
}

/// A query that is safe in a `Location` header: unusual characters are percent-encoded.
pub fn header_safe(query: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'#');
    query.bytes().map(|byte| if safe(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::{header_safe, return_path};
    use crate::site::Site;

    #[test]
    fn a_login_leads_to_pages_of_this_server_only() {
        let site = Site::for_tests("https://bus.example/");
        for (requested, place_to_go) in [
            ("/authorize?client_id=a&state=b%0d%0a", "/authorize?client_id=a&state=b%0d%0a"),
            ("/dashboard", "/dashboard"),
            ("/dashboard#x", "/dashboard"),
            ("//evil.example/authorize", "/login"),
            ("/\\evil.example/authorize", "/login"),
            ("/\t/evil.example/authorize", "/login"),
            ("https://evil.example/authorize", "/login"),
            ("javascript:alert(1)", "/login"),
            ("/logout", "/login"),
            ("/x/../dashboard", "/dashboard"),
            ("", "/login"),
        ] {
            assert_eq!(return_path(&site, Some(requested)), place_to_go, "{requested:?}");
        }
    }

    #[test]
    fn a_query_cannot_leave_its_header() {
        assert_eq!(header_safe("a=%20b&c=d\r\nSet-Cookie: x\u{e9}#"), "a=%20b&c=d%0D%0ASet-Cookie:%20x%C3%A9%23");
    }
}
