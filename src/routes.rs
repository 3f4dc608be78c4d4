//! The route table: for each path its endpoint, methods and guards.
//!
//! To add an endpoint, add a row and a variant of `Program` or `Page`; the compiler then asks for its handler.
use crate::catalog::tools::Profile;
use crate::http::limits::Limit;

/// What serves a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// The MCP endpoint, which checks methods and origins itself, with the tools of a profile.
    Mcp(Profile),
    /// The MCP endpoint of a share link, which is in its path.
    SharedMcp,
    /// The MCP endpoint, or the home page for a browser.
    McpOrHome,
    /// The WebSocket of Blenders.
    Socket,
    Health,
    /// Uploads and downloads, which check methods, origins and senders themselves.
    Files,
    /// Counts of the whole server, for its operator.
    Metrics,
    /// Where the transport of 2024-11-05 (HTTP+SSE) used to be served by others. It is not served here.
    OldTransport,
    /// For programs: speaks JSON, with OAuth errors.
    Program(Program),
    /// For people: speaks HTML, with pages as errors.
    Page(Page),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    ServerCard,
    RegistryEntry,
    /// The metadata of the MCP endpoint at this path, which is empty for `/`.
    ProtectedResource(&'static str),
    AuthorizationServer,
    Register,
    Token,
    Revoke,
    DeviceAuthorization,
    PasswordLogin,
    PasswordRefresh,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    Authorize,
    Device,
    SignUp,
    SignIn,
    OidcBegin,
    OidcCallback,
    SignOut,
    Account,
    Audit,
    Export,
    Import,
    Notifications,
    Clients,
    Tokens,
    Shares,
    Share,
    Dashboard,
    DashboardLive,
    DashboardJob,
    DashboardEvents,
    Files,
    FileContent,
}

impl Page {
    /// The path of the page.
    pub fn path(self) -> &'static str {
        ROUTES.iter().find(|route| route.endpoint == Endpoint::Page(self)).map_or("", |route| route.path)
    }
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// With `*` for a segment it stands for every path with some segment in its place: see `parameter`.
    pub path: &'static str,
    /// The allowed methods, as the header `Allow` lists them. Empty if the endpoint checks them itself.
    pub methods: &'static str,
    pub endpoint: Endpoint,
    /// The rate limit of one address.
    pub limit: Limit,
    /// Scripts of any web origin may call it. Only for endpoints that use no cookies.
    pub is_open: bool,
    /// A login may lead back to it.
    pub is_after_login: bool,
}

const READ: &str = "GET, HEAD";
const GET: &str = "GET";
const POST: &str = "POST";
/// A page with a form.
const FORM: &str = "GET, HEAD, POST";

#[rustfmt::skip]
const ROUTES: [Route; 53] = [
    special("/", Endpoint::McpOrHome).after_login(),
    special("/mcp", Endpoint::Mcp(Profile::Full)),
    profile(Profile::Core),
    profile(Profile::Scene),
    profile(Profile::Assets),
    profile(Profile::Full),
    special("/ws", Endpoint::Socket),
    special("/health", Endpoint::Health),
    special("/files", Endpoint::Files),
    special("/files/*", Endpoint::Files),
    special("/metrics", Endpoint::Metrics),
    special("/sse", Endpoint::OldTransport),
    program("/.well-known/mcp/server-card.json", READ, Program::ServerCard),
    program("/.well-known/mcp", READ, Program::ServerCard),
    program("/.well-known/mcp.json", READ, Program::ServerCard),
    program("/server.json", READ, Program::RegistryEntry),
    program("/.well-known/oauth-protected-resource", READ, Program::ProtectedResource("")).open(),
    program("/.well-known/oauth-protected-resource/mcp", READ, Program::ProtectedResource("/mcp")).open(),
    program("/.well-known/oauth-protected-resource/mcp/core", READ, Program::ProtectedResource("/mcp/core")).open(),
    program("/.well-known/oauth-protected-resource/mcp/scene", READ, Program::ProtectedResource("/mcp/scene")).open(),
    program("/.well-known/oauth-protected-resource/mcp/assets", READ, Program::ProtectedResource("/mcp/assets")).open(),
    program("/.well-known/oauth-protected-resource/mcp/full", READ, Program::ProtectedResource("/mcp/full")).open(),
    program("/.well-known/oauth-authorization-server", READ, Program::AuthorizationServer).open(),
    program("/.well-known/openid-configuration", READ, Program::AuthorizationServer).open(),
    program("/register", "GET, POST, PUT, DELETE", Program::Register).limited(Limit::Requests).open(),
    program("/token", POST, Program::Token).limited(Limit::Requests).open(),
    program("/revoke", POST, Program::Revoke).limited(Limit::Requests).open(),
    program("/device_authorization", POST, Program::DeviceAuthorization).limited(Limit::LoginPosts).open(),
    program("/auth/login", POST, Program::PasswordLogin).limited(Limit::LoginPosts),
    program("/auth/refresh", POST, Program::PasswordRefresh).limited(Limit::Requests),
    page("/authorize", FORM, Page::Authorize).limited(Limit::Requests).after_login(),
    page("/device", FORM, Page::Device).limited(Limit::LoginPosts).after_login(),
    page("/signup", FORM, Page::SignUp).limited(Limit::LoginPosts),
    page("/login", FORM, Page::SignIn).limited(Limit::LoginPosts).after_login(),
    page("/login/oidc", GET, Page::OidcBegin).limited(Limit::Logins),
    page("/login/oidc/callback", GET, Page::OidcCallback).limited(Limit::Logins),
    page("/logout", POST, Page::SignOut),
    page("/account", FORM, Page::Account).limited(Limit::LoginPosts).after_login(),
    page("/account/audit", READ, Page::Audit).after_login(),
    page("/account/export", GET, Page::Export).limited(Limit::Logins).after_login(),
    page("/account/import", FORM, Page::Import).limited(Limit::LoginPosts).after_login(),
    page("/account/notifications", FORM, Page::Notifications).limited(Limit::LoginPosts).after_login(),
    page("/clients", FORM, Page::Clients).after_login(),
    page("/tokens", FORM, Page::Tokens).after_login(),
    page("/shares", FORM, Page::Shares).after_login(),
    page("/share/*", FORM, Page::Share),
    special("/share/*/mcp", Endpoint::SharedMcp),
    page("/dashboard", FORM, Page::Dashboard).after_login(),
    page("/dashboard/live", GET, Page::DashboardLive),
    page("/dashboard/job", GET, Page::DashboardJob).after_login(),
    page("/dashboard/events", GET, Page::DashboardEvents),
    page("/dashboard/files", FORM, Page::Files).after_login(),
    page("/dashboard/files/content", READ, Page::FileContent),
];

/// The row of a path, if there is one. A slash at the end makes no difference: people paste URLs with it, and a redirect
/// would lose the Authorization header in several clients.
pub fn find(path: &str) -> Option<&'static Route> {
    let bare = path.strip_suffix('/').filter(|bare| bare.len() > 1).unwrap_or(path);
    ROUTES.iter().find(|route| route.path == bare || parameter_at(route, bare).is_some())
}

/// The segment of a path in whose place its row has `*`, as it was sent.
pub fn parameter(path: &str) -> Option<&str> {
    let bare = path.strip_suffix('/').unwrap_or(path);
    ROUTES.iter().find_map(|route| parameter_at(route, bare))
}

fn parameter_at<'a>(route: &Route, path: &'a str) -> Option<&'a str> {
    let (before, after) = route.path.split_once('*')?;
    let segment = path.strip_prefix(before)?.strip_suffix(after)?;
    Some(segment).filter(|segment| !segment.is_empty() && !segment.contains('/'))
}

/// The path that is added to the well-known one for the metadata of an MCP endpoint, as the client wrote it; empty if
/// `path` is no MCP endpoint or `/`.
pub fn metadata_suffix(path: &str) -> &str {
    match find(path).map(|route| route.endpoint) {
        Some(Endpoint::Mcp(_)) => path,
        _ => "",
    }
}

const fn special(path: &'static str, endpoint: Endpoint) -> Route {
    Route { path, methods: "", endpoint, limit: Limit::None, is_open: false, is_after_login: false }
}

const fn profile(profile: Profile) -> Route {
    special(profile.path(), Endpoint::Mcp(profile))
}

const fn program(path: &'static str, methods: &'static str, program: Program) -> Route {
    Route { methods, ..special(path, Endpoint::Program(program)) }
}

const fn page(path: &'static str, methods: &'static str, page: Page) -> Route {
    Route { methods, ..special(path, Endpoint::Page(page)) }
}

impl Route {
    const fn limited(self, limit: Limit) -> Self {
        Self { limit, ..self }
    }

    const fn open(self) -> Self {
        Self { is_open: true, ..self }
    }

    const fn after_login(self) -> Self {
        Self { is_after_login: true, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, Profile, ROUTES, find, metadata_suffix};

    #[test]
    fn every_path_and_every_page_has_one_row() {
        for route in &ROUTES {
            let same = |other: &&super::Route| other.path == route.path;
            assert_eq!(ROUTES.iter().filter(same).count(), 1, "{}", route.path);
            if let Endpoint::Page(page) = route.endpoint {
                assert_eq!(page.path(), route.path, "{page:?}");
            }
        }
        assert!(find("/nothing").is_none() && find("/register").is_some());
    }

    #[test]
    fn a_slash_at_the_end_makes_no_difference() {
        for route in &ROUTES {
            assert_eq!(
                find(&format!("{}/", route.path)).map(|found| found.path),
                Some(route.path).filter(|p| *p != "/")
            );
        }
        assert!(find("/mcp//").is_none() && find("//").is_none() && find("").is_none());
    }

    #[test]
    fn one_segment_more_is_a_parameter() {
        let files = Some(Endpoint::Files);
        for (path, endpoint, parameter) in [
            ("/files", files, None),
            ("/files/", files, None),
            ("/files/f-1", files, Some("f-1")),
            ("/files/f-1/", files, Some("f-1")),
            ("/files/f%2F1", files, Some("f%2F1")),
            ("/files//", None, None),
            ("/files/a/b", None, None),
            ("/filesf-1", None, None),
        ] {
            assert_eq!(find(path).map(|route| route.endpoint), endpoint, "{path}");
            assert_eq!(super::parameter(path), parameter, "{path}");
        }
    }

    #[test]
    fn the_metadata_of_an_endpoint_is_at_its_own_path() {
        for (path, suffix) in [("/mcp", "/mcp"), ("/mcp/", "/mcp/"), ("/", ""), ("/ws", ""), ("/mcp/nothing", "")] {
            assert_eq!(metadata_suffix(path), suffix);
        }
        for profile in Profile::ALL {
            let path = profile.path();
            assert_eq!(metadata_suffix(path), path);
            let metadata = find(&format!("/.well-known/oauth-protected-resource{path}")).unwrap();
            assert_eq!(metadata.endpoint, Endpoint::Program(super::Program::ProtectedResource(path)));
        }
    }

    #[test]
    fn nothing_that_goes_by_cookies_is_open_to_other_origins() {
        for route in ROUTES.iter().filter(|route| route.is_open) {
            assert!(matches!(route.endpoint, Endpoint::Program(_)), "{}", route.path);
        }
    }

    #[test]
    fn a_login_leads_to_pages_only() {
        for route in ROUTES.iter().filter(|route| route.is_after_login) {
            assert!(matches!(route.endpoint, Endpoint::Page(_) | Endpoint::McpOrHome), "{}", route.path);
        }
    }
}
