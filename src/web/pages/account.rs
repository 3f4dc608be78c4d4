//! The pages for creating and managing an account.

use askama::Template;

/// `code`: an invitation or the setup code, asked for if `needs_code`.
#[derive(Template)]
#[template(path = "sign_up.html", config = "src/web/pages/askama.toml")]
pub struct SignUp<'a> {
    pub error: Option<&'a str>,
    pub username: &'a str,
    pub needs_code: bool,
    pub code: &'a str,
    pub min_password: usize,
    pub form_token: &'a str,
}

/// A token that was made anew, shown only now. `ends` looks like `2026-11-21`.
pub struct ImportedToken {
    pub name: String,
    pub scopes: String,
    pub ends: String,
    pub token: String,
}

/// `from`: the account on the other server, once its file was read; what came of it follows.
#[derive(Template)]
#[template(path = "import.html", config = "src/web/pages/askama.toml")]
pub struct Import<'a> {
    pub username: &'a str,
    pub error: Option<&'a str>,
    pub from: Option<&'a str>,
    pub tokens: &'a [ImportedToken],
    /// Name, and why.
    pub left_out: &'a [(String, String)],
    pub clients: &'a [&'a str],
    pub blenders: &'a [&'a str],
    pub form_token: &'a str,
}

/// `invite`: a new invitation link, shown only now.
#[derive(Template)]
#[template(path = "account.html", config = "src/web/pages/askama.toml")]
pub struct Account<'a> {
    pub username: &'a str,
    pub error: Option<&'a str>,
    pub done: Option<&'a str>,
    pub is_admin: bool,
    /// The owner signs in with a password and not with a provider.
    pub has_password: bool,
    pub may_invite: bool,
    pub invite: Option<&'a str>,
    pub min_password: usize,
    pub form_token: &'a str,
    pub sign_out_token: &'a str,
}
