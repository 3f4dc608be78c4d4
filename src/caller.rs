//! Who sends a request, once the access token has been verified.
use bus::wire::command::SignIn;
use kernel::access::Access;

/// The verified sender of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub user_id: String,
    pub username: String,
    pub client_id: String,
    pub grant_id: String,
    pub scopes: Access,
    /// None for an access token that was made by hand.
    pub sign_in: Option<SignIn>,
    /// What the owner calls the guest whose share link it is; none for the owner's clients.
    pub guest_name: Option<String>,
    /// Origin of the server that the token was issued for.
    pub audience: String,
    /// When the token expires, Unix milliseconds. It is accepted for `LEEWAY_S` seconds longer.
    pub expires_at_ms: i64,
}
