//! The page of the account's audit log.

use askama::Template;

/// What happened. `at` looks like `2026-11-21 08:15:00`.
pub struct Row {
    pub at: String,
    pub what: String,
    pub client: String,
    pub detail: String,
    pub address: String,
    pub times: i64,
}

#[derive(Template)]
#[template(path = "audit.html", config = "src/web/pages/askama.toml")]
pub struct Audit<'a> {
    pub username: &'a str,
    pub rows: &'a [Row],
}
