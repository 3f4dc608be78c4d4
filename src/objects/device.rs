//! The stubs of the `DeviceSignIn` objects.

use account::device::{CODE_BYTES, Command, Question, Reply, shard};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;
use worker::Env;

use crate::http::error::Error;
use crate::objects::account::{CredentialKind, split};
use crate::objects::key_ring::{Keys, NamedKey, sign};
use crate::objects::object;

/// One sign-in of a device, found by its user code or its device code.
pub struct Device {
    /// What the object knows of the user code: an HMAC, so that what is stored reveals no codes.
    code: [u8; CODE_BYTES],
    /// The code's hash and the proof that this server has made it, as they stand in the device code.
    route: String,
}

impl Device {
    /// The sign-ins that a user code may stand for: one for each key that may have been used.
    pub async fn coded(env: &Env, code: &str) -> Result<Vec<Self>, Error> {
        let keys = Keys::load(env).await?;
        keys.form.iter().map(|(_, key)| Self::named(key, code)).collect()
    }

    /// The sign-in of a user code, by this key.
    pub fn named(key: &[u8], code: &str) -> Result<Self, Error> {
        let [half, _] = halves(sign(key, &["user code", code])?);
        let route = URL_SAFE_NO_PAD.encode([half, proof(key, half)?].concat());
        Ok(Self { code: half, route })
    }

    /// The sign-in that a device code is of, and the code's secret part. An invented code has no proof and asks no object.
    pub async fn holding<'a>(env: &Env, device_code: &'a str) -> Result<Option<(Self, &'a str)>, Error> {
        let keys = Keys::load(env).await?;
        Self::of(&keys.form, device_code)
    }

    fn of<'a>(keys: &[NamedKey], device_code: &'a str) -> Result<Option<(Self, &'a str)>, Error> {
        let Some((route, secret)) = split(CredentialKind::DeviceCode, device_code) else { return Ok(None) };
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(route).unwrap_or_default().try_into() else { return Ok(None) };
        let [code, given] = halves(bytes);
        for (_, key) in keys {
            if proof(key, code)?.ct_eq(&given).into() {
                return Ok(Some((Self { code, route: route.to_owned() }, secret)));
            }
        }
        Ok(None)
    }

    /// The device code to hand out for a secret.
    pub fn credential(&self, secret: &str) -> String {
        format!("{}{}.{secret}", CredentialKind::DeviceCode.prefix(), self.route)
    }

    pub async fn ask(&self, env: &Env, command: Command) -> Result<Reply, Error> {
        let stub = env.durable_object("DEVICE_SIGN_IN")?.get_by_name(&shard(&self.code))?;
        let question = Question { code: self.code, command };
        object::ask(&stub, "DeviceSignIn", "https://device/command", &question).await
    }
}

fn proof(key: &[u8], code: [u8; CODE_BYTES]) -> Result<[u8; CODE_BYTES], Error> {
    let [proof, _] = halves(sign(key, &["device code", &URL_SAFE_NO_PAD.encode(code)])?);
    Ok(proof)
}

fn halves(bytes: [u8; 2 * CODE_BYTES]) -> [[u8; CODE_BYTES]; 2] {
    let (halves, _) = bytes.as_chunks();
    match halves {
        [first, second] => [*first, *second],
        _ => [[0; CODE_BYTES]; 2],
    }
}

#[cfg(test)]
mod tests {
    use super::Device;
    use crate::objects::key_ring::tests::keys;

    #[test]
    fn a_device_code_is_known_by_its_key_and_none_can_be_invented() {
        let (keys, others) = (keys(1).form, keys(2).form);
        let secret = "A".repeat(43);
        let device = Device::named(&keys[0].1, "BCDFGHJK").unwrap();
        let code = device.credential(&secret);
        let (found, of_code) = Device::of(&keys, &code).unwrap().unwrap();
        assert_eq!((found.code, of_code), (device.code, secret.as_str()));
        assert!(Device::of(&others, &code).unwrap().is_none());
        let foreign = Device::named(&others[0].1, "BCDFGHJK").unwrap();
        assert_ne!(foreign.code, device.code);
        for place in 0..43 {
            let mut route = device.route.clone().into_bytes();
            route[place] = if route[place] == b'A' { b'Q' } else { b'A' };
            let forged = format!("bmd_{}.{secret}", String::from_utf8(route).unwrap());
            assert!(Device::of(&keys, &forged).unwrap().is_none(), "{forged}");
        }
    }
}
