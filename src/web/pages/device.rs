//! The pages of the device flow.

use askama::Template;

/// Asks for a device's code.
#[derive(Template)]
#[template(path = "device_code.html", config = "src/web/pages/askama.toml")]
pub struct DeviceCode<'a> {
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
    pub client: &'a str,
    /// The host of the client's metadata document, if it has one.
    pub publisher: Option<&'a str>,
    pub username: &'a str,
    pub code: &'a str,
    /// What the device will be allowed to do, a line each.
    pub abilities: &'a [String],
    pub form_token: &'a str,
    pub sign_out_token: &'a str,
}
