//! The page of personal access tokens.

use askama::Template;

/// An existing token. Dates look like `2026-11-21`.
pub struct Row {
    pub token_id: String,
    pub name: String,
    pub scopes: String,
    pub expires: String,
    pub last_used: Option<String>,
}

/// `made`: a new token, shown only now.
#[derive(Template)]
#[template(path = "tokens.html", config = "src/web/pages/askama.toml")]
pub struct Tokens<'a> {
    pub style: &'static str,
    pub username: &'a str,
    pub rows: &'a [Row],
    pub made: Option<&'a str>,
    pub error: Option<&'a str>,
    pub default_days: i64,
    pub max_days: i64,
    pub form_token: &'a str,
    pub sign_out_token: &'a str,
}
