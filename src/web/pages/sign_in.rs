//! The pages of signing in and of giving consent.

use askama::Template;

use crate::web::pages::STYLE;

/// Asks for name and password. `client`: the name of the client that waits behind the login, if one does.
#[derive(Template)]
#[template(path = "login.html", config = "src/web/pages/askama.toml")]
pub struct Login<'a> {
    pub style: &'static str,
    pub client: Option<&'a str>,
    pub error: Option<&'a str>,
    pub username: &'a str,
    pub return_to: &'a str,
    /// The same, as it may stand in a query.
    pub encoded_return_to: &'a str,
    /// Whom one may sign in with instead of a password.
    pub provider: Option<&'a str>,
    /// Whether one may sign in with a password.
    pub password: bool,
    pub may_sign_up: bool,
    pub form_token: &'a str,
}

/// Asks whether a client may act for the user.
#[derive(Template)]
#[template(path = "consent.html", config = "src/web/pages/askama.toml")]
pub struct Consent<'a> {
    pub style: &'static str,
    pub client: &'a str,
    /// The host that describes the client, if one does.
    pub publisher: Option<&'a str>,
    pub username: &'a str,
    /// The host, or program, that gets the code.
    pub destination: &'a str,
    pub warning: Option<&'a str>,
    /// What the client will be able to do, a line each.
    pub abilities: &'a [&'a str],
    /// The user will not be asked again.
    pub remembered: bool,
    pub request: &'a str,
    pub form_token: &'a str,
    pub sign_out_token: &'a str,
}

/// Tells who is signed in.
#[derive(Template)]
#[template(path = "signed_in.html", config = "src/web/pages/askama.toml")]
pub struct SignedIn<'a> {
    pub style: &'static str,
    pub username: &'a str,
    pub sign_out_token: &'a str,
}

/// A title and a sentence: what went wrong where there is nobody to redirect to, or what was done.
#[derive(Template)]
#[template(path = "notice.html", config = "src/web/pages/askama.toml")]
pub struct Notice<'a> {
    pub style: &'static str,
    pub title: &'a str,
    pub text: &'a str,
}

impl<'a> Notice<'a> {
    pub fn new(title: &'a str, text: &'a str) -> Self {
        Self { style: STYLE, title, text }
    }
}
