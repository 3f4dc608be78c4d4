//! The home page: what this server is, and how to connect to it.

use askama::Template;

#[derive(Template)]
#[template(path = "home.html", config = "src/pages/askama.toml")]
pub struct Home<'a> {
    pub style: &'static str,
    /// The MCP endpoint's URL.
    pub endpoint: &'a str,
    /// The server's own, which the extension asks for.
    pub server: &'a str,
    pub version: &'static str,
}
