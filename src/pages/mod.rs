//! The web pages: templates that are compiled in and escape whatever they are given.

pub mod account;
pub mod clients;
pub mod device;
pub mod home;
pub mod sign_in;
pub mod tokens;

/// The one style of all pages, inline; its hash is the only thing their Content-Security-Policy allows.
pub const STYLE: &str = include_str!("templates/style.css");
