//! The stub of the `KeyRing` object, and this server's keys, which are read once per isolate.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use account::key_ring::keys::{Key, Purpose};
use account::key_ring::names;
use account::key_ring::push;
use account::key_ring::setup::Command;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use kernel::json;
use runtime::now_ms;
use serde::Deserialize;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use worker::{Env, Method, Request};

use crate::http::error::Error;
use crate::objects::object;

/// The shortest time between two reads because of an unknown key id, in milliseconds.
const LOOK_AGAIN_MS: i64 = 10_000;

/// Key id and bytes.
pub type NamedKey = (String, Vec<u8>);

/// The keys by purpose. Each list is newest first and not empty.
#[derive(Debug)]
pub struct Keys {
    pub access_token: Vec<NamedKey>,
    pub client_record: Vec<NamedKey>,
    pub form: Vec<NamedKey>,
    pub request_state: Vec<NamedKey>,
    /// Whether the list of names has every account.
    pub names_are_whole: bool,
}

#[derive(Deserialize)]
struct Answer {
    keys: Vec<Key>,
    #[serde(default)]
    names_are_whole: bool,
}

thread_local! {
    static KEPT: RefCell<Option<Rc<Keys>>> = const { RefCell::new(None) };
    static PUSH_KEY: RefCell<Option<String>> = const { RefCell::new(None) };
    static READ_MS: Cell<i64> = const { Cell::new(0) };
}

impl Keys {
    pub fn sorted(keys: Vec<Key>) -> Result<Self, Error> {
        let of = |purpose| {
            let chosen = keys.iter().filter(|key| key.purpose == purpose);
            let named = |key: &Key| {
                let bytes = URL_SAFE_NO_PAD.decode(&key.secret).map_err(|_| Error::Key)?;
                if bytes.len() == 32 { Ok((key.kid.clone(), bytes)) } else { Err(Error::Key) }
            };
            let list: Vec<NamedKey> = chosen.map(named).collect::<Result<_, Error>>()?;
            if list.is_empty() { Err(Error::Key) } else { Ok(list) }
        };
        Ok(Self {
            access_token: of(Purpose::AccessToken)?,
            client_record: of(Purpose::ClientRecord)?,
            form: of(Purpose::Form)?,
            request_state: of(Purpose::RequestState)?,
            names_are_whole: false,
        })
    }

    pub async fn load(env: &Env) -> Result<Rc<Self>, Error> {
        match KEPT.with_borrow(Clone::clone) {
            Some(keys) => Ok(keys),
            None => Self::read(env).await,
        }
    }

    /// The keys, read again if none is named `kid`: another isolate may already use a newer one.
    pub async fn with_kid(env: &Env, list: fn(&Self) -> &[NamedKey], kid: &str) -> Result<Rc<Self>, Error> {
        let keys = Self::load(env).await?;
        if named(list(&keys), kid).is_some() || now_ms().saturating_sub(READ_MS.get()) < LOOK_AGAIN_MS {
            return Ok(keys);
        }
        Self::read(env).await
    }

    async fn read(env: &Env) -> Result<Rc<Self>, Error> {
        READ_MS.set(now_ms());
        let ring = env.durable_object("KEY_RING")?.get_by_name("keys")?;
        let mut response = ring.fetch_with_request(Request::new("https://key-ring/keys", Method::Post)?).await?;
        if response.status_code() != 200 {
            return Err(Error::Object("KeyRing", response.status_code()));
        }
        let answer: Answer = json::read(&response.bytes().await?)?;
        let names_are_whole = answer.names_are_whole;
        let keys = Rc::new(Self { names_are_whole, ..Self::sorted(answer.keys)? });
        KEPT.set(Some(Rc::clone(&keys)));
        Ok(keys)
    }
}

/// The public key by which push services know this server, read once per isolate.
pub async fn push_key(env: &Env) -> Result<String, Error> {
    if let Some(key) = PUSH_KEY.with_borrow(Clone::clone) {
        return Ok(key);
    }
    let ring = env.durable_object("KEY_RING")?.get_by_name("keys")?;
    let command = push::Command::PublicKey.text();
    let answer: String = object::ask(&ring, "KeyRing", "https://key-ring/push", &command).await?;
    let public_key = push::Answer::of(&answer).public_key;
    PUSH_KEY.set(Some(public_key.clone()));
    Ok(public_key)
}

/// Claims or releases the right to be the first administrator. Returns whether that succeeded.
pub async fn ask_setup(env: &Env, command: &Command) -> Result<bool, Error> {
    #[derive(Deserialize)]
    struct Answer {
        done: bool,
    }
    let ring = env.durable_object("KEY_RING")?.get_by_name("keys")?;
    let answer: Answer = object::ask(&ring, "KeyRing", "https://key-ring/setup", command).await?;
    Ok(answer.done)
}

/// Whether there is an account of this name.
pub async fn knows_name(env: &Env, name: &str) -> Result<bool, Error> {
    #[derive(Deserialize)]
    struct Answer {
        done: bool,
    }
    let shard = env.durable_object("KEY_RING")?.get_by_name(&names::shard(name))?;
    let command = names::Command::Knows { name: name.to_owned() };
    let answer: Answer = object::ask(&shard, "KeyRing", "https://key-ring/names", &command).await?;
    Ok(answer.done)
}

pub fn named<'a>(keys: &'a [NamedKey], kid: &str) -> Option<&'a [u8]> {
    keys.iter().find(|(name, _)| name == kid).map(|(_, bytes)| bytes.as_slice())
}

pub fn newest(keys: &[NamedKey]) -> Result<&NamedKey, Error> {
    keys.first().ok_or(Error::Key)
}

/// HMAC-SHA256 over the parts, each prefixed with its length, so that no two lists of parts have the same input.
pub fn sign(key: &[u8], parts: &[&str]) -> Result<[u8; 32], Error> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Error::Key)?;
    for part in parts {
        mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(part.as_bytes());
    }
    Ok(mac.finalize().into_bytes().into())
}

/// Whether `signature` (base64url) is valid for these parts. Constant time.
pub fn is_signed(key: &[u8], parts: &[&str], signature: &str) -> Result<bool, Error> {
    let Ok(given) = URL_SAFE_NO_PAD.decode(signature) else { return Ok(false) };
    Ok(sign(key, parts)?.ct_eq(given.as_slice()).into())
}

#[cfg(test)]
pub mod tests {
    use super::{Keys, is_signed, sign};
    use account::key_ring::keys::Key;
    use account::key_ring::keys::Purpose;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    /// One key of each purpose; other seeds give other keys with other names.
    pub fn keys(seed: u8) -> Keys {
        let key = |purpose, salt: u8| Key {
            kid: format!("kid{seed}-{salt}"),
            purpose,
            secret: URL_SAFE_NO_PAD.encode([seed.wrapping_mul(16).wrapping_add(salt); 32]),
        };
        let purposes = [Purpose::AccessToken, Purpose::ClientRecord, Purpose::Form, Purpose::RequestState];
        Keys::sorted(purposes.into_iter().zip(1..).map(|(purpose, salt)| key(purpose, salt)).collect()).unwrap()
    }

    #[test]
    fn moving_a_boundary_between_parts_changes_the_signature() {
        let signature = URL_SAFE_NO_PAD.encode(sign(&[1; 32], &["ab", "c"]).unwrap());
        assert!(is_signed(&[1; 32], &["ab", "c"], &signature).unwrap());
        for parts in [&["a", "bc"][..], &["abc"], &["ab", "c", ""]] {
            assert!(!is_signed(&[1; 32], parts, &signature).unwrap());
        }
        assert!(!is_signed(&[2; 32], &["ab", "c"], &signature).unwrap());
        assert!(!is_signed(&[1; 32], &["ab", "c"], "").unwrap() && !is_signed(&[1; 32], &["ab", "c"], "!").unwrap());
    }
}
