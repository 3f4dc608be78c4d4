//! The pages of making an account and of looking after it.

use askama::Template;

/// `code`: an invitation or the setup code, asked for where `needs_code`.
#[derive(Template)]
#[template(path = "sign_up.html", config = "src/web/pages/askama.toml")]
pub struct SignUp<'a> {
    pub style: &'static str,
    pub error: Option<&'a str>,
    pub username: &'a str,
    pub needs_code: bool,
    pub code: &'a str,
    pub min_password: usize,
    pub form_token: &'a str,
}

/// `invite`: a link just made, shown this once.
#[derive(Template)]
#[template(path = "account.html", config = "src/web/pages/askama.toml")]
pub struct Account<'a> {
    pub style: &'static str,
    pub username: &'a str,
    pub error: Option<&'a str>,
    pub done: Option<&'a str>,
    pub is_admin: bool,
    /// It is not a provider that the owner signs in with.
    pub has_password: bool,
    pub may_invite: bool,
    pub invite: Option<&'a str>,
    pub min_password: usize,
    pub form_token: &'a str,
    pub sign_out_token: &'a str,
}
