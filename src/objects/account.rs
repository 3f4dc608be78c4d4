//! The stub of the `Account` object, and the credentials that name their account.
//!
//! A credential is `<kind>_<route>.<secret>`. The route is the object's id in base64url, opaque to the holder. The
//! runtime checks that an id belongs to this namespace, so an invented credential wakes no object.

use account::accounts::{Command, Reply};
use account::key_ring::names;
use account::usernames::Username;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use runtime::WebCrypto;
use worker::{Env, ObjectId, Stub, console_error};

use crate::http::error::Error;
use crate::objects::key_ring::{Keys, knows_name};
use crate::objects::object;

/// What a credential is for. One kind is never accepted as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    Code,
    RefreshToken,
    Session,
    /// A personal access token.
    AccessToken,
    /// A share link.
    Share,
    /// An invitation. It belongs to the account of the administrator who made it.
    Invite,
    /// The device code of RFC 8628. It leads to an object that keeps such codes, not to an account.
    DeviceCode,
}

impl CredentialKind {
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Code => "bmc_",
            Self::RefreshToken => "bmr_",
            Self::Session => "bms_",
            Self::AccessToken => "bmcp_",
            Self::Share => "bmsh_",
            Self::Invite => "bmi_",
            Self::DeviceCode => "bmd_",
        }
    }
}

pub struct Account {
    stub: Stub,
    route: String,
}

impl Account {
    pub fn named(env: &Env, username: &Username) -> Result<Self, Error> {
        let namespace = env.durable_object("ACCOUNT")?;
        let id = namespace.id_from_name(username.as_str())?;
        Self::of(&id)
    }

    /// The account to sign in to with a password. A name that nobody has is answered by an object that such names share,
    /// after the same work: an object of its own would leave a file behind. An account is asked itself where the list of names
    /// cannot tell: it may lack accounts that are older than it is, and none may be locked out because it fails.
    ///
    /// # Errors
    /// If the runtime fails.
    pub async fn to_sign_in(env: &Env, username: &Username, is_configured: bool) -> Result<Self, Error> {
        if is_configured || !Keys::load(env).await?.names_are_whole {
            return Self::named(env, username);
        }
        match knows_name(env, username.as_str()).await {
            Ok(false) => {
                let namespace = env.durable_object("ACCOUNT")?;
                let shared =
                    names::nobody(&mut WebCrypto).map_err(|error| worker::Error::RustError(error.to_string()))?;
                Self::of(&namespace.id_from_name(&shared)?)
            }
            Ok(true) => Self::named(env, username),
            Err(error) => {
                console_error!("the list of names: {error}");
                Self::named(env, username)
            }
        }
    }

    /// The account that a credential belongs to, and its secret part. `None` if it cannot be from this server.
    pub fn holding<'a>(env: &Env, kind: CredentialKind, credential: &'a str) -> Result<Option<(Self, &'a str)>, Error> {
        let Some((route, secret)) = split(kind, credential) else { return Ok(None) };
        Ok(Self::at(env, route)?.map(|account| (account, secret)))
    }

    fn of(id: &ObjectId<'_>) -> Result<Self, Error> {
        Ok(Self { stub: id.get_stub()?, route: route(&id.to_string()).ok_or(Error::UnexpectedReply("ObjectId"))? })
    }

    /// The credential to hand out for a secret.
    pub fn credential(&self, kind: CredentialKind, secret: &str) -> String {
        format!("{}{}.{secret}", kind.prefix(), self.route)
    }

    /// The route of this account, which is part of its credentials.
    pub fn route(&self) -> &str {
        &self.route
    }

    /// The account at a route; `None` if the route is not of this server.
    pub fn at(env: &Env, route: &str) -> Result<Option<Self>, Error> {
        let Some(id) = id_at(route) else { return Ok(None) };
        match env.durable_object("ACCOUNT")?.id_from_string(&id) {
            Ok(id) => Ok(Some(Self::of(&id)?)),
            Err(_) => Ok(None),
        }
    }

    pub async fn ask(&self, command: &Command) -> Result<Reply, Error> {
        object::ask(&self.stub, "Account", "https://account/command", command).await
    }
}

/// Route and secret of a credential; `None` if it has another form.
pub fn split(kind: CredentialKind, credential: &str) -> Option<(&str, &str)> {
    let (route, secret) = credential.strip_prefix(kind.prefix())?.split_once('.')?;
    let is_whole = |part| URL_SAFE_NO_PAD.decode(part).is_ok_and(|bytes: Vec<u8>| bytes.len() == 32);
    (is_whole(route) && is_whole(secret)).then_some((route, secret))
}

/// The object id of a route, in hex.
pub fn id_at(route: &str) -> Option<String> {
    let id = URL_SAFE_NO_PAD.decode(route).ok().filter(|id| id.len() == 32)?;
    Some(id.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The route of an object id, which is in hex.
pub fn route(hex: &str) -> Option<String> {
    let digits: Vec<u8> = hex.chars().map(|digit| digit.to_digit(16)?.try_into().ok()).collect::<Option<_>>()?;
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some((high << 4) | low),
        _ => None,
    };
    let bytes: Vec<u8> = digits.chunks(2).map(byte).collect::<Option<_>>()?;
    (bytes.len() == 32).then(|| URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::{CredentialKind, id_at, route, split};

    #[test]
    fn a_credential_leads_back_to_its_object() {
        let (id, secret) = ("0123456789abcdef".repeat(4), "A".repeat(43));
        let route = route(&id).unwrap();
        let credential = format!("bmr_{route}.{secret}");
        assert_eq!(split(CredentialKind::RefreshToken, &credential), Some((route.as_str(), secret.as_str())));
        assert_eq!(id_at(&route), Some(id));
        assert_eq!(split(CredentialKind::Code, &credential), None);
    }

    #[test]
    fn what_is_not_a_credential_is_none() {
        let route = route(&"00".repeat(32)).unwrap();
        let secret = "A".repeat(43);
        for credential in [
            String::new(),
            "bmr_".into(),
            format!("bmr_{route}"),
            format!("bmr_{route}."),
            format!("bmr_{route}.short"),
            format!("bmr_{route}.{secret}A"),
            format!("bmr_{secret}A.{secret}"),
            format!("bmr_{route}=.{secret}"),
            format!("{route}.{secret}"),
        ] {
            assert_eq!(split(CredentialKind::RefreshToken, &credential), None, "{credential}");
        }
    }
}
