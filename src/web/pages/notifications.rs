//! The page of browsers that show notifications.

use askama::Template;

/// A browser. Dates look like `2026-11-21`.
pub struct Row {
    pub browser_id: String,
    pub name: String,
    pub asks: bool,
    pub ends: bool,
    pub since: String,
    /// When something was last sent to it.
    pub reached: Option<String>,
    /// Since when nothing reaches it.
    pub failing: Option<String>,
    /// It is the one that shows the page.
    pub is_here: bool,
}

/// `key`: this server's public key for push services. `is_here`: the browser that shows the page is among `rows`.
#[derive(Template)]
#[template(path = "notifications.html", config = "src/web/pages/askama.toml")]
pub struct Notifications<'a> {
    pub username: &'a str,
    pub key: &'a str,
    pub is_here: bool,
    pub rows: &'a [Row],
    pub done: Option<&'a str>,
    pub error: Option<&'a str>,
    /// How long Blender waits for an answer, in minutes.
    pub answered_within: i64,
    pub form_token: &'a str,
    pub sign_out_token: &'a str,
}
