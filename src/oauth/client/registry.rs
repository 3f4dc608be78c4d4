//! Finds clients by id in all sources, and checks their secrets.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use worker::Env;

use crate::http::error::Error;
use crate::oauth::client::model::{Client, Secret};
use crate::oauth::client::record::Purpose;
use crate::oauth::client::{configured, document, record};
use crate::objects::key_ring::Keys;
use crate::site::Site;

impl Client {
    /// The client with this id, from any source.
    pub async fn find(client_id: &str, env: &Env, site: &Site) -> Result<Option<Self>, Error> {
        match Self::registered(client_id, env).await? {
            None if document::is_address(client_id) => document::fetch(client_id, site).await.map(Some),
            found => Ok(found),
        }
    }

    /// The client with this id if it is registered, by the operator or by itself.
    pub async fn registered(client_id: &str, env: &Env) -> Result<Option<Self>, Error> {
        if let Some(client) = configured::find(client_id, env) {
            return Ok(Some(client));
        }
        let keys = Keys::with_kid(env, |keys| &keys.client_record, record::kid(client_id)).await?;
        Ok(record::Record::from_id(client_id, &keys)?.map(|record| record.client(client_id)))
    }

    /// Checks the client's secret. A public client has none and always passes: it is bound by PKCE and the grant.
    pub fn accepts_secret(&self, secret: &str, keys: &Keys) -> Result<bool, Error> {
        match &self.secret {
            Secret::None => Ok(true),
            Secret::MadeFromId => record::is_credential(Purpose::Secret, secret, &self.id, keys),
            Secret::Sha256(hash) => Ok(Sha256::digest(secret.as_bytes()).ct_eq(hash).into()),
        }
    }
}
