//! What is known of a client.

use serde::{Deserialize, Serialize};

use crate::oauth::redirect_uri;

/// The client that `POST /auth/login` grants to; it exists nowhere else.
pub const PASSWORD_CLIENT: &str = "urn:blender-bus:password";
/// A longer `client_id` is not issued or taken: it travels in URLs and in every access token.
pub const MAX_CLIENT_ID_BYTES: usize = 2048;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    pub id: String,
    /// As a page may show it; empty if the client has none.
    pub name: String,
    pub redirect_uris: Vec<String>,
    pub secret: Secret,
    /// The host that describes it, for one that is known by its metadata document.
    pub publisher: Option<String>,
}

/// How a client's secret is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// A public client.
    None,
    /// See `record::secret`.
    MadeFromId,
    Sha256([u8; 32]),
}

/// RFC 6749 section 2.3.1. Whichever a client has registered, its secret is taken in either way.
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
