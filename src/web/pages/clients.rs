//! The page of clients that the owner has allowed.

use askama::Template;

/// A client. Dates look like `2026-11-21`.
pub struct Row {
    pub client_id: String,
    pub name: String,
    /// The host of its metadata document, if it has one.
    pub publisher: Option<String>,
    pub scopes: String,
    /// What it is bound to.
    pub only: Option<String>,
    pub since: String,
    pub last_used: String,
    /// Consent is remembered.
    pub remembered: bool,
}

#[derive(Template)]
#[template(path = "clients.html", config = "src/web/pages/askama.toml")]
pub struct Clients<'a> {
    pub username: &'a str,
    pub rows: &'a [Row],
    pub done: Option<&'a str>,
    pub form_token: &'a str,
    pub sign_out_token: &'a str,
}
