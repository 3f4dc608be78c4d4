//! ID tokens (OpenID Connect Core sections 2 and 3.1.3.7): parsing, and checking that the claims are meant for this
//! sign-in. `signature` checks the signature.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::json;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

/// Clocks differ.
const LEEWAY_S: f64 = 60.0;
/// The oldest token accepted, in seconds. A token is made when its code is exchanged, so an older one belongs to
/// another exchange.
const MAX_AGE_S: f64 = 600.0;
const MAX_BYTES: usize = 32 * 1024;
const MAX_SUBJECT_BYTES: usize = 255;

/// Why a token is not accepted. For the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IdTokenError {
    #[error("not an id token")]
    Malformed,
    #[error("signed with an algorithm other than RS256 and ES256")]
    Algorithm,
    #[error("not signed with a key of the provider")]
    Signature,
    #[error("of another issuer")]
    Issuer,
    #[error("for another client")]
    Audience,
    #[error("expired, or not issued just now")]
    Time,
    #[error("for another sign-in: its nonce is not this one's")]
    Nonce,
    #[error("without a usable subject")]
    Subject,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Rs256,
    Es256,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Claims {
    iss: String,
    pub sub: String,
    aud: Value,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    nonce: Option<String>,
    #[serde(flatten)]
    pub about: About,
}

/// Claims about the user, from the token or the userinfo endpoint.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct About {
    pub email: Option<String>,
    email_verified: Option<Value>,
    pub preferred_username: Option<String>,
    pub name: Option<String>,
    groups: Option<Value>,
}

/// A parsed token. Its claims must not be used before its signature is checked.
#[derive(Debug)]
pub struct IdToken {
    pub algorithm: Algorithm,
    pub kid: Option<String>,
    pub claims: Claims,
    /// The signed part of the text.
    pub signed: String,
    pub signature: Vec<u8>,
}

/// What the claims must match for this sign-in.
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
    pub now_s: f64,
}

impl IdToken {
    pub fn parse(text: &str) -> Result<Self, IdTokenError> {
        let malformed = IdTokenError::Malformed;
        let (signed, signature) = text.rsplit_once('.').filter(|_| text.len() <= MAX_BYTES).ok_or(malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed);
        let header: Header = json::read(&decode(header)?).map_err(|_| malformed)?;
        // Only these two, so that no key is used with another algorithm, and `none` is refused.
        let algorithm = match header.alg.as_str() {
            "RS256" => Algorithm::Rs256,
            "ES256" => Algorithm::Es256,
            _ => return Err(IdTokenError::Algorithm),
        };
        if header.crit.is_some() {
            return Err(malformed);
        }
        let claims = json::read(&decode(claims)?).map_err(|_| malformed)?;
        Ok(Self { algorithm, kid: header.kid, claims, signed: signed.to_owned(), signature: decode(signature)? })
    }
}

impl Claims {
    pub fn check(&self, expected: &Expected<'_>) -> Result<(), IdTokenError> {
        if self.iss != expected.issuer {
            return Err(IdTokenError::Issuer);
        }
        let audiences: Vec<&str> = match &self.aud {
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        };
        let party = self.azp.as_deref();
        let alone = audiences.len() == 1 || party.is_some();
        if !audiences.contains(&expected.client_id) || !alone || party.is_some_and(|azp| azp != expected.client_id) {
            return Err(IdTokenError::Audience);
        }
        let early = expected.now_s + LEEWAY_S;
        let over = self.exp + LEEWAY_S <= expected.now_s;
        let age_s = expected.now_s - self.iat;
        if over || self.iat > early || age_s > MAX_AGE_S || self.nbf.is_some_and(|nbf| nbf > early) {
            return Err(IdTokenError::Time);
        }
        if self.nonce.as_deref() != Some(expected.nonce) {
            return Err(IdTokenError::Nonce);
        }
        if self.sub.is_empty() || self.sub.len() > MAX_SUBJECT_BYTES { Err(IdTokenError::Subject) } else { Ok(()) }
    }
}

impl About {
    /// Fills in claims that were missing.
    pub fn complete(&mut self, other: Self) {
        if self.email.is_none() {
            // An address and its verification must come from the same source.
            (self.email, self.email_verified) = (other.email, other.email_verified);
        }
        self.preferred_username = self.preferred_username.take().or(other.preferred_username);
        self.name = self.name.take().or(other.name);
        self.groups = self.groups.take().or(other.groups);
    }

    /// Whether one of the rules allows this user. Without rules everyone is allowed. An e-mail address counts only if
    /// it is verified.
    pub fn is_allowed(&self, rules: &[String]) -> bool {
        let verified = self.email_verified.as_ref().is_some_and(|is| is == &Value::Bool(true) || is == "true");
        let email = self.email.as_deref().filter(|_| verified).map(str::to_ascii_lowercase);
        let groups: Vec<&str> = match &self.groups {
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            Some(one) => one.as_str().into_iter().collect(),
            None => Vec::new(),
        };
        let lets_in = |rule: &String| {
            if let Some(group) = rule.strip_prefix("group:") {
                return groups.contains(&group);
            }
            let Some((mailbox, domain)) = email.as_deref().and_then(|email| email.rsplit_once('@')) else {
                return false;
            };
            match rule.to_ascii_lowercase().rsplit_once('@') {
                Some(("", wanted)) => domain == wanted,
                Some((wanted, at)) => (mailbox, domain) == (wanted, at),
                None => false,
            }
        };
        rules.is_empty() || rules.iter().any(lets_in)
    }

    /// The name to show for the user.
    pub fn display_name(&self) -> String {
        let names = [&self.preferred_username, &self.email, &self.name];
        let shown = |name: &String| name.chars().filter(|letter| !letter.is_control()).take(80).collect::<String>();
        let name = names.into_iter().flatten().map(shown).find(|name| !name.trim().is_empty());
        name.unwrap_or_else(|| "somebody without a name".to_owned())
    }
}

#[cfg(test)]
mod tests;
