//! The stub of the `DeviceSignIn` object.

use account::device::{Command, Reply};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use worker::{Env, ObjectId, Stub};

use crate::http::error::Error;
use crate::objects::account::{CredentialKind, id_at, route, split};
use crate::objects::key_ring::{Keys, sign};
use crate::objects::object;

const BINDING: &str = "DEVICE_SIGN_IN";

/// The object of a device sign-in, found by its user code or its device code.
pub struct Device {
    stub: Stub,
    id: String,
}

impl Device {
    /// The objects that a user code may lead to: one for each key that may have made its name.
    pub async fn coded(env: &Env, code: &str) -> Result<Vec<Self>, Error> {
        let keys = Keys::load(env).await?;
        keys.form.iter().map(|(_, key)| Self::named(env, key, code)).collect()
    }

    /// The object of a user code, named with this key.
    pub fn named(env: &Env, key: &[u8], code: &str) -> Result<Self, Error> {
        let name = URL_SAFE_NO_PAD.encode(sign(key, &["user code", code])?);
        Self::of(&env.durable_object(BINDING)?.id_from_name(&name)?)
    }

    fn of(id: &ObjectId<'_>) -> Result<Self, Error> {
        Ok(Self { stub: id.get_stub()?, id: id.to_string() })
    }

    /// The object that a device code leads to, and the code's secret part. The runtime rejects ids that are not its
    /// own, so an invented code wakes no object.
    pub fn holding<'a>(env: &Env, device_code: &'a str) -> Result<Option<(Self, &'a str)>, Error> {
        let Some((route, secret)) = split(CredentialKind::DeviceCode, device_code) else { return Ok(None) };
        let Some(id) = id_at(route) else { return Ok(None) };
        match env.durable_object(BINDING)?.id_from_string(&id) {
            Ok(id) => Ok(Some((Self::of(&id)?, secret))),
            Err(_) => Ok(None),
        }
    }

    /// The device code to hand out for a secret.
    pub fn credential(&self, secret: &str) -> Result<String, Error> {
        let route = route(&self.id).ok_or(Error::UnexpectedReply("ObjectId"))?;
        Ok(format!("{}{route}.{secret}", CredentialKind::DeviceCode.prefix()))
    }

    pub async fn ask(&self, command: &Command) -> Result<Reply, Error> {
        object::ask(&self.stub, "DeviceSignIn", "https://device/command", command).await
    }
}
