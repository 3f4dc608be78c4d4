//! The grant types of the token endpoint.

/// RFC 8628 section 3.4.
pub const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// All grant types. Those after the first need no redirect URI.
pub const ALL: [&str; 3] = ["authorization_code", "refresh_token", DEVICE_CODE];
