//! Clients. Registration stores nothing: a `client_id` is the client's own record, signed (RFC 7591 appendix A.5.2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::oauth::error::Error;
use crate::oauth::keys::{Keys, is_signed, named, newest, sign};
use crate::oauth::redirect;

/// The client that `POST /auth/login` grants to; it exists nowhere else.
pub const PASSWORD_CLIENT: &str = "urn:blender-bus:password";
/// A longer `client_id` is not issued: it travels in URLs and in every access token.
pub const MAX_CLIENT_ID_BYTES: usize = 2048;
const PREFIX: &str = "bmcl_";
/// Sets signatures that are secrets apart from those of records.
const SECRET: &str = "client secret";

/// What a client has said about itself. `n`: name, `r`: redirect URIs, `t`: seconds when it registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    #[serde(rename = "n")]
    pub name: String,
    #[serde(rename = "r")]
    pub redirect_uris: Vec<String>,
    #[serde(rename = "t")]
    pub registered_s: i64,
    /// How it shows its secret; nothing for a public client, which has none.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub secret_by: Option<SecretBy>,
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

/// The secret of a confidential client: made from its id, so that it too is stored nowhere.
pub fn secret(client_id: &str, keys: &Keys) -> Result<String, Error> {
    let key = named(&keys.client_record, kid(client_id)).ok_or(Error::Key)?;
    Ok(URL_SAFE_NO_PAD.encode(sign(key, &[SECRET, client_id])?))
}

pub fn is_secret(given: &str, client_id: &str, keys: &Keys) -> Result<bool, Error> {
    let Some(key) = named(&keys.client_record, kid(client_id)) else { return Ok(false) };
    is_signed(key, &[SECRET, client_id], given)
}

impl Client {
    pub fn to_id(&self, keys: &Keys) -> Result<String, Error> {
        let (kid, key) = newest(&keys.client_record)?;
        let record = URL_SAFE_NO_PAD.encode(serde_json::to_vec(self)?);
        let signature = URL_SAFE_NO_PAD.encode(sign(key, &[kid, &record])?);
        Ok(format!("{PREFIX}{kid}.{record}.{signature}"))
    }

    /// The client with this id, if this server has issued it.
    pub fn from_id(client_id: &str, keys: &Keys) -> Result<Option<Self>, Error> {
        if client_id.len() > MAX_CLIENT_ID_BYTES {
            return Ok(None);
        }
        let parts = client_id.strip_prefix(PREFIX).map(|rest| rest.split('.').collect::<Vec<_>>());
        let Some([kid, record, signature]) = parts.as_deref() else { return Ok(None) };
        let Some(key) = named(&keys.client_record, kid) else { return Ok(None) };
        if !is_signed(key, &[kid, record], signature)? {
            return Ok(None);
        }
        let record = URL_SAFE_NO_PAD.decode(record).ok();
        Ok(record.and_then(|record| serde_json::from_slice(&record).ok()))
    }

    pub fn may_redirect_to(&self, uri: &str) -> bool {
        self.redirect_uris.iter().any(|registered| redirect::matches(registered, uri))
    }
}

/// The kid that signed an id, to look for it among newer keys.
pub fn kid(client_id: &str) -> &str {
    client_id.strip_prefix(PREFIX).and_then(|rest| rest.split('.').next()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Client, MAX_CLIENT_ID_BYTES, is_secret, secret};
    use crate::oauth::keys::tests::keys;

    fn client() -> Client {
        let redirect_uris = vec!["http://localhost:1/callback".to_owned()];
        Client { name: "A client".into(), redirect_uris, registered_s: 7, secret_by: None }
    }

    #[test]
    fn an_id_is_the_client() {
        let id = client().to_id(&keys(1)).unwrap();
        assert_eq!(Client::from_id(&id, &keys(1)).unwrap(), Some(client()));
    }

    #[test]
    fn a_secret_is_of_one_client_and_one_server() {
        let id = client().to_id(&keys(1)).unwrap();
        let own = secret(&id, &keys(1)).unwrap();
        assert!(is_secret(&own, &id, &keys(1)).unwrap());
        let other = Client { registered_s: 8, ..client() }.to_id(&keys(1)).unwrap();
        assert!(!is_secret(&own, &other, &keys(1)).unwrap() && !is_secret(&own, &id, &keys(2)).unwrap());
        let signature = id.rsplit('.').next().unwrap();
        assert!(!is_secret("", &id, &keys(1)).unwrap() && !is_secret(signature, &id, &keys(1)).unwrap());
    }

    #[test]
    fn an_id_of_another_server_is_unknown() {
        let id = client().to_id(&keys(1)).unwrap();
        assert_eq!(Client::from_id(&id, &keys(2)).unwrap(), None);
    }

    #[test]
    fn no_part_of_an_id_can_be_changed() {
        let id = client().to_id(&keys(1)).unwrap();
        for position in 0..id.len() {
            let mut changed = id.clone().into_bytes();
            changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(Client::from_id(&changed, &keys(1)).unwrap(), None, "{position}: {changed}");
        }
        for other in
            [String::new(), "bmcl_".into(), format!("{id}.x"), format!("{id}A"), "x".repeat(MAX_CLIENT_ID_BYTES + 1)]
        {
            assert_eq!(Client::from_id(&other, &keys(1)).unwrap(), None, "{other}");
        }
    }
}
