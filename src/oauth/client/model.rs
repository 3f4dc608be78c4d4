//! A client as all sources describe it.

use serde::{Deserialize, Serialize};

use crate::oauth::redirect_uri;

/// The client id of grants made by `POST /auth/login`. No real client has it.
pub const PASSWORD_CLIENT: &str = "urn:blender-bus:password";

/// The name of that client.
pub const PASSWORD_CLIENT_NAME: &str = "Signed in with the password";
/// The longest `client_id` that is issued or accepted, in bytes: it is part of URLs and access tokens.
pub const MAX_CLIENT_ID_BYTES: usize = 2048;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    pub id: String,
    /// The name to show; empty if the client has none.
    pub name: String,
    pub redirect_uris: Vec<String>,
    pub secret: Secret,
    /// The host of its metadata document, if it has one.
    pub publisher: Option<String>,
    /// The operator has named it in the configuration; anybody could have made any other.
    pub by_operator: bool,
}

/// How a client's secret is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// A public client.
    None,
    /// The secret is derived from the id: see `record::secret`.
    MadeFromId,
    Sha256([u8; 32]),
}

/// RFC 6749 section 2.3.1. The secret is accepted either way, whichever the client has registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecretBy {
    #[serde(rename = "b")]
    Basic,
    #[serde(rename = "p")]
    Post,
}

impl SecretBy {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        [Self::Basic, Self::Post].into_iter().find(|method| method.name() == name)
    }
}

impl Client {
    pub fn may_redirect_to(&self, uri: &str) -> bool {
        self.redirect_uris.iter().any(|registered| redirect_uri::matches(registered, uri))
    }
}
