//! The page of clients that the owner has allowed something.

use askama::Template;

/// A client. Days as `2026-11-21`.
pub struct Row {
    pub client_id: String,
    pub name: String,
    /// The host that describes it, if one does.
    pub publisher: Option<String>,
    pub scopes: String,
    pub since: String,
    pub last_used: String,
    /// The owner is not asked about it again.
    pub remembered: bool,
}

#[derive(Template)]
#[template(path = "clients.html", config = "src/web/pages/askama.toml")]
pub struct Clients<'a> {
    pub style: &'static str,
    pub username: &'a str,
    pub rows: &'a [Row],
    pub done: Option<&'a str>,
    pub form_token: &'a str,
    pub sign_out_token: &'a str,
}
