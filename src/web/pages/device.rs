//! The pages of signing a device in.

use askama::Template;

/// Asks for the code that a device shows.
#[derive(Template)]
#[template(path = "device_code.html", config = "src/web/pages/askama.toml")]
pub struct DeviceCode<'a> {
    pub style: &'static str,
    pub username: &'a str,
    pub code: &'a str,
    pub error: Option<&'a str>,
    pub form_token: &'a str,
    pub sign_out_token: &'a str,
}

/// Asks whether a device may act for the user.
#[derive(Template)]
#[template(path = "device_consent.html", config = "src/web/pages/askama.toml")]
pub struct DeviceConsent<'a> {
    pub style: &'static str,
    pub client: &'a str,
    /// The host that describes the client, where one does.
    pub publisher: Option<&'a str>,
    pub username: &'a str,
    pub code: &'a str,
    /// What the device will be able to do, a line each.
    pub abilities: &'a [&'a str],
    pub form_token: &'a str,
    pub sign_out_token: &'a str,
}
