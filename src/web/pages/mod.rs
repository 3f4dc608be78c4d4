//! The web pages: templates that are compiled in and escape whatever they are given.

pub mod account;
pub mod clients;
pub mod dashboard;
pub mod device;
pub mod home;
pub mod sign_in;
pub mod tokens;

/// The one style of all pages, inline; its hash is the only thing their Content-Security-Policy allows.
pub const STYLE: &str = include_str!("templates/style.css");

/// A script that stands in a page; its Content-Security-Policy allows it by its hash.
pub struct Script {
    pub text: &'static str,
    /// What else the policy allows for it, each with `; ` in front.
    pub needs: &'static str,
}

pub const HOME_SCRIPT: Script = Script { text: include_str!("templates/home.js"), needs: "" };
/// It asks this server, and shows pictures that come with the answers.
pub const DASHBOARD_SCRIPT: Script =
    Script { text: include_str!("templates/dashboard.js"), needs: "; connect-src 'self'; img-src data:" };
