//! The pages for signing in and giving consent.

use askama::Template;

/// Asks for name and password. `client`: the name of the client that waits for the login, if there is one.
#[derive(Template)]
#[template(path = "login.html", config = "src/web/pages/askama.toml")]
pub struct Login<'a> {
    pub client: Option<&'a str>,
    pub error: Option<&'a str>,
    pub username: &'a str,
    pub return_to: &'a str,
    /// `return_to`, encoded for a query.
    pub encoded_return_to: &'a str,
    /// The name of the provider that people can sign in with.
    pub provider: Option<&'a str>,
    /// Whether people can sign in with a password.
    pub password: bool,
    pub may_sign_up: bool,
    pub form_token: &'a str,
}

/// Asks whether a client may act for the user.
#[derive(Template)]
#[template(path = "consent.html", config = "src/web/pages/askama.toml")]
pub struct Consent<'a> {
    pub client: &'a str,
    /// The host of the client's metadata document, if it has one.
    pub publisher: Option<&'a str>,
    pub username: &'a str,
    /// The host or program that gets the code.
    pub destination: &'a str,
    pub warning: Option<&'a str>,
    /// What the client will be allowed to do, a line each.
    pub abilities: &'a [String],
    /// Consent will be remembered.
    pub remembered: bool,
    pub request: &'a str,
    pub form_token: &'a str,
    pub sign_out_token: &'a str,
}

/// Shows who is signed in.
#[derive(Template)]
#[template(path = "signed_in.html", config = "src/web/pages/askama.toml")]
pub struct SignedIn<'a> {
    pub username: &'a str,
    pub sign_out_token: &'a str,
}

/// A title and a text: an error that cannot be sent to a client, or what was done.
#[derive(Template)]
#[template(path = "notice.html", config = "src/web/pages/askama.toml")]
pub struct Notice<'a> {
    pub title: &'a str,
    pub text: &'a str,
}

impl<'a> Notice<'a> {
    pub fn new(title: &'a str, text: &'a str) -> Self {
        Self { title, text }
    }
}
