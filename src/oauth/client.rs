//! Clients: who they are, however this server came to know them.
//!
//! `configured`: registered by the operator. `record`: registered by themselves. `document`: described at the https URL
//! that is their id.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use worker::Env;

use crate::oauth::error::Error;
use crate::oauth::keys::Keys;
use crate::oauth::redirect;
use crate::site::Site;

mod configured;
pub mod declared;
pub mod document;
pub mod record;

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
    /// The client of this id, wherever it is known from.
    pub async fn find(client_id: &str, env: &Env, site: &Site) -> Result<Option<Self>, Error> {
        match Self::registered(client_id, env).await? {
            None if document::is_address(client_id) => document::fetch(client_id, site).await.map(Some),
            found => Ok(found),
        }
    }

    /// A client that has been registered, by the operator or by itself.
    pub async fn registered(client_id: &str, env: &Env) -> Result<Option<Self>, Error> {
        if let Some(client) = configured::find(client_id, env) {
            return Ok(Some(client));
        }
        let keys = Keys::knowing(env, |keys| &keys.client_record, record::kid(client_id)).await?;
        Ok(record::Record::from_id(client_id, &keys)?.map(|record| record.client(client_id)))
    }

    pub fn may_redirect_to(&self, uri: &str) -> bool {
        self.redirect_uris.iter().any(|registered| redirect::matches(registered, uri))
    }

    /// Whether this is the client, as far as it has a secret to show. A public client has none, whatever it sends: PKCE
    /// and the grant itself stand for it.
    pub fn is_shown_by(&self, secret: &str, keys: &Keys) -> Result<bool, Error> {
        match &self.secret {
            Secret::None => Ok(true),
            Secret::MadeFromId => record::is_secret(secret, &self.id, keys),
            Secret::Sha256(hash) => Ok(Sha256::digest(secret.as_bytes()).ct_eq(hash).into()),
        }
    }
}
