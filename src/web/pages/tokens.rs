//! The page of personal access tokens.

use askama::Template;

/// An existing token. Dates look like `2026-11-21`.
pub struct Row {
    pub token_id: String,
    pub name: String,
    pub scopes: String,
    /// What it is bound to.
    pub only: Option<String>,
    pub expires: String,
    pub last_used: Option<String>,
    /// The client that has made it and with which it ends.
    pub made_by: Option<String>,
}

/// `made`: a new token, shown only now.
#[derive(Template)]
#[template(path = "tokens.html", config = "src/web/pages/askama.toml")]
pub struct Tokens<'a> {
    pub username: &'a str,
    pub rows: &'a [Row],
    pub made: Option<&'a str>,
    pub error: Option<&'a str>,
    pub default_days: i64,
    pub max_days: i64,
    pub form_token: &'a str,
    pub sign_out_token: &'a str,
}

/// A client asks for a token, and the owner is asked.
#[derive(Template)]
#[template(path = "token_asked.html", config = "src/web/pages/askama.toml")]
pub struct Asked<'a> {
    pub username: &'a str,
    pub client: &'a str,
    pub name: &'a str,
    pub days: i64,
    pub abilities: &'a [String],
    /// The query that says all of this.
    pub request: &'a str,
    pub form_token: &'a str,
}
