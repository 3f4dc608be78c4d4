//! Clients that registered themselves. Nothing is stored: the `client_id` is the client's signed metadata (RFC 7591
//! appendix A.5.2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::json;
use kernel::secrets::{encoded_hash, hash};
use serde::{Deserialize, Serialize};

use crate::http::error::Error;
use crate::oauth::client::metadata::ClientMetadata;
use crate::oauth::client::{Client, MAX_CLIENT_ID_BYTES, Secret, SecretBy};
use crate::objects::key_ring::{Keys, is_signed, named, newest, sign};

/// Prefix of every id issued here; no other client's id may begin with it.
pub const PREFIX: &str = "bmcl_";
/// What a credential of a client is for. It is derived from the client's id, so it is not stored either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The secret of a confidential client.
    Secret,
    /// The token that shows who registered (RFC 7592 section 3).
    Registration,
}

impl Purpose {
    /// Separates its signatures from those for other purposes, and from those of records.
    const fn label(self) -> &'static str {
        match self {
            Self::Secret => "client secret",
            Self::Registration => "client registration",
        }
    }
}

/// The metadata of a client. `n`: name, `r`: redirect URIs, `t`: when it registered, Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    #[serde(rename = "n")]
    pub name: String,
    #[serde(rename = "r")]
    pub redirect_uris: Vec<String>,
    #[serde(rename = "t")]
    pub registered_s: i64,
    /// How it sends its secret; `None` for a public client.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub secret_by: Option<SecretBy>,
}

/// A credential of the client with this id.
pub fn credential(purpose: Purpose, client_id: &str, keys: &Keys) -> Result<String, Error> {
    let key = named(&keys.client_record, kid(client_id)).ok_or(Error::Key)?;
    Ok(URL_SAFE_NO_PAD.encode(sign(key, &[purpose.label(), client_id])?))
}

pub fn is_credential(purpose: Purpose, given: &str, client_id: &str, keys: &Keys) -> Result<bool, Error> {
    let Some(key) = named(&keys.client_record, kid(client_id)) else { return Ok(false) };
    is_signed(key, &[purpose.label(), client_id], given)
}

impl Record {
    pub fn new(sound: ClientMetadata, registered_s: i64) -> Self {
        let ClientMetadata { name, redirect_uris, secret_by } = sound;
        Self { name, redirect_uris, registered_s, secret_by }
    }

    pub fn to_id(&self, keys: &Keys) -> Result<String, Error> {
        let (kid, key) = newest(&keys.client_record)?;
        let record = URL_SAFE_NO_PAD.encode(serde_json::to_vec(self)?);
        let signature = URL_SAFE_NO_PAD.encode(sign(key, &[kid, &record])?);
        Ok(format!("{PREFIX}{kid}.{record}.{signature}"))
    }

    /// The record in an id, if this server issued it.
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
        Ok(record.and_then(|record| json::read(&record).ok()))
    }

    pub fn client(self, client_id: &str) -> Client {
        let secret = if self.secret_by.is_some() { Secret::MadeFromId } else { Secret::None };
        let (name, redirect_uris) = (self.name, self.redirect_uris);
        Client { id: client_id.to_owned(), name, redirect_uris, secret, publisher: None, by_operator: false }
    }
}

/// What stays the same from one sign-in of a program to the next, as a hash. A client that registers itself anew for each
/// sign-in has another id each time: it goes by its name, which it cannot change afterwards. A Blender names its computer
/// there, whose domain depends on the network it is in.
pub fn program(client_id: &str) -> String {
    let name = || {
        let record = client_id.strip_prefix(PREFIX)?.split('.').nth(1)?;
        let record: Record = json::read(&URL_SAFE_NO_PAD.decode(record).ok()?).ok()?;
        if record.name.is_empty() {
            return None;
        }
        let name = match record.name.strip_prefix(OF_BLENDERS) {
            Some(computer) => format!("{OF_BLENDERS}{}", computer.split('.').next().unwrap_or_default()),
            None => record.name,
        };
        Some(format!("named {name}"))
    };
    encoded_hash(&hash(&name().unwrap_or_else(|| format!("id {client_id}"))))
}

/// How the extension calls itself, before the name of its computer.
const OF_BLENDERS: &str = "Blender Bus on ";

/// The id of the key that signed a client id.
pub fn kid(client_id: &str) -> &str {
    client_id.strip_prefix(PREFIX).and_then(|rest| rest.split('.').next()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Purpose, Record, credential, is_credential, program};
    use crate::oauth::client::MAX_CLIENT_ID_BYTES;
    use crate::objects::key_ring::tests::keys;

    fn record() -> Record {
        let redirect_uris = vec!["http://localhost:1/callback".to_owned()];
        Record { name: "A client".into(), redirect_uris, registered_s: 7, secret_by: None }
    }

    #[test]
    fn an_id_is_the_client() {
        let id = record().to_id(&keys(1)).unwrap();
        assert_eq!(Record::from_id(&id, &keys(1)).unwrap(), Some(record()));
    }

    #[test]
    fn a_program_is_the_same_at_each_sign_in_and_no_other() {
        let id =
            |name: &str, registered_s| Record { name: name.into(), registered_s, ..record() }.to_id(&keys(1)).unwrap();
        let named = |name: &str| program(&id(name, 7));
        assert_eq!(named("A client"), program(&id("A client", 8)));
        assert_ne!(named("A client"), named("Another client"));
        assert_eq!(named("Blender Bus on studio.local"), named("Blender Bus on studio.lan"));
        assert_ne!(named("Blender Bus on studio"), named("Blender Bus on node-1"));
        assert_ne!(named("a.b"), named("a.c"));
        assert_ne!(program("https://a.example/client"), program("https://b.example/client"));
        // A client that is described elsewhere cannot spell itself as the name of another.
        assert_ne!(program("named A client"), named("A client"));
    }

    #[test]
    fn a_credential_is_of_one_client_one_server_and_one_purpose() {
        let id = record().to_id(&keys(1)).unwrap();
        let other = Record { registered_s: 8, ..record() }.to_id(&keys(1)).unwrap();
        let signature = id.rsplit('.').next().unwrap();
        for (purpose, another) in [(Purpose::Secret, Purpose::Registration), (Purpose::Registration, Purpose::Secret)] {
            let own = credential(purpose, &id, &keys(1)).unwrap();
            let accepted = |given: &str, id: &str, secret| is_credential(purpose, given, id, &keys(secret)).unwrap();
            assert!(accepted(&own, &id, 1));
            assert!(!accepted(&own, &other, 1) && !accepted(&own, &id, 2));
            assert!(!accepted("", &id, 1) && !accepted(signature, &id, 1));
            assert!(!is_credential(another, &own, &id, &keys(1)).unwrap());
        }
    }

    #[test]
    fn an_id_of_another_server_is_unknown() {
        let id = record().to_id(&keys(1)).unwrap();
        assert_eq!(Record::from_id(&id, &keys(2)).unwrap(), None);
    }

    #[test]
    fn no_part_of_an_id_can_be_changed() {
        let id = record().to_id(&keys(1)).unwrap();
        for position in 0..id.len() {
            let mut changed = id.clone().into_bytes();
            changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(Record::from_id(&changed, &keys(1)).unwrap(), None, "{position}: {changed}");
        }
        for other in
            [String::new(), "bmcl_".into(), format!("{id}.x"), format!("{id}A"), "x".repeat(MAX_CLIENT_ID_BYTES + 1)]
        {
            assert_eq!(Record::from_id(&other, &keys(1)).unwrap(), None, "{other}");
        }
    }
}
