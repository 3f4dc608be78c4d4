//! Access tokens: JWTs (RFC 9068), signed with HS256, since only this server verifies them.

use chrono::DateTime;
use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::{AlgorithmExt, Claims, Header, UntrustedToken};
use kernel::access::Access;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::http::error::Error;
use crate::objects::key_ring::{Keys, named, newest};

/// An expired token is accepted for this long, in seconds: clocks differ, and clients refresh a little late.
pub const LEEWAY_S: i64 = 60;
/// The longest token, in bytes: room for the longest `client_id`, encoded twice, and the rest.
pub const MAX_BYTES: usize = 8 * 1024;
const TYPE: &str = "at+jwt";

/// `iss` and `aud`: the issuer. `sub`: the user id. `gid`: the grant. `gat`: when it was granted, Unix milliseconds. `exp` and `iat`: seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessToken {
    #[serde(rename = "iss")]
    pub issuer: String,
    #[serde(rename = "aud")]
    pub audience: String,
    #[serde(rename = "sub")]
    pub user_id: String,
    pub client_id: String,
    pub scope: Access,
    #[serde(rename = "gid")]
    pub grant_id: String,
    /// Zero in a token of an earlier build, which makes it the oldest.
    #[serde(rename = "gat", default)]
    pub granted_ms: i64,
    pub username: String,
    #[serde(rename = "jti")]
    pub id: String,
    #[serde(skip)]
    pub issued_s: i64,
    #[serde(skip)]
    pub expires_s: i64,
}

/// Why a token is not accepted. Clients see `invalid_token` with this text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenError {
    #[error("not an access token of this server")]
    Malformed,
    #[error("signed with an unknown key")]
    UnknownKey,
    #[error("not signed by this server")]
    Signature,
    #[error("issued for another server")]
    Audience,
    #[error("expired")]
    Expired,
    #[error("issued in the future")]
    NotYet,
}

impl AccessToken {
    pub fn sign(&self, keys: &Keys) -> Result<String, Error> {
        let (kid, key) = newest(&keys.access_token)?;
        let mut claims = Claims::new(self);
        claims.issued_at = DateTime::from_timestamp(self.issued_s, 0);
        claims.expiration = DateTime::from_timestamp(self.expires_s, 0);
        let header = Header::empty().with_key_id(kid).with_token_type(TYPE);
        Hs256.token(&header, &claims, &Hs256Key::new(key)).map_err(|_| Error::Key)
    }

    /// Verifies signature, audience and lifetime. `now_s`: Unix seconds.
    pub fn verify(token: &str, keys: &Keys, audiences: &[String], now_s: i64) -> Result<Self, TokenError> {
        UnverifiedToken::read(token)?.verified(keys, audiences, now_s)
    }
}

/// A token whose signature is not checked yet. Only the key id may be read.
pub struct UnverifiedToken<'a>(UntrustedToken<'a>);

impl<'a> UnverifiedToken<'a> {
    pub fn read(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > MAX_BYTES {
            return Err(TokenError::Malformed);
        }
        let untrusted = UntrustedToken::new(token).map_err(|_| TokenError::Malformed)?;
        let header = untrusted.header();
        if header.token_type.as_deref() != Some(TYPE) || header.key_id.is_none() {
            return Err(TokenError::Malformed);
        }
        Ok(Self(untrusted))
    }

    pub fn kid(&self) -> &str {
        self.0.header().key_id.as_deref().unwrap_or_default()
    }

    /// Verifies signature, audience and lifetime. `now_s`: Unix seconds.
    pub fn verified(&self, keys: &Keys, audiences: &[String], now_s: i64) -> Result<AccessToken, TokenError> {
        let key = named(&keys.access_token, self.kid()).ok_or(TokenError::UnknownKey)?;
        // The validator accepts only its own algorithm, whatever the header says.
        let signed = Hs256.validator::<AccessToken>(&Hs256Key::new(key)).validate(&self.0);
        let (_, claims) = signed.map_err(|_| TokenError::Signature)?.into_parts();
        let seconds = |time: Option<DateTime<chrono::Utc>>| time.map(|time| time.timestamp());
        let issued_s = seconds(claims.issued_at).ok_or(TokenError::Malformed)?;
        let expires_s = seconds(claims.expiration).ok_or(TokenError::Malformed)?;
        let token = AccessToken { issued_s, expires_s, ..claims.custom };
        if !audiences.contains(&token.audience) || !audiences.contains(&token.issuer) {
            return Err(TokenError::Audience);
        }
        if expires_s.saturating_add(LEEWAY_S) <= now_s {
            return Err(TokenError::Expired);
        }
        if issued_s > now_s.saturating_add(LEEWAY_S) {
            return Err(TokenError::NotYet);
        }
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::{AccessToken, LEEWAY_S, TokenError};
    use crate::objects::key_ring::tests::keys;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use kernel::scopes::Scopes;
    use serde_json::{Value, json};

    const ISSUER: &str = "https://bus.example";

    fn token() -> AccessToken {
        AccessToken {
            issuer: ISSUER.into(),
            audience: ISSUER.into(),
            user_id: "u-1".into(),
            client_id: "client".into(),
            scope: Scopes::ALL.into(),
            grant_id: "g-1".into(),
            granted_ms: 900_000,
            username: "ada".into(),
            id: "t-1".into(),
            issued_s: 1000,
            expires_s: 2000,
        }
    }

    fn verify(text: &str, now_s: i64) -> Result<AccessToken, TokenError> {
        AccessToken::verify(text, &keys(1), &[ISSUER.to_owned()], now_s)
    }

    fn signed() -> String {
        token().sign(&keys(1)).unwrap()
    }

    fn part(text: &str, index: usize) -> Value {
        kernel::json::read(&URL_SAFE_NO_PAD.decode(text.split('.').nth(index).unwrap()).unwrap()).unwrap()
    }

    fn encode(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap())
    }

    #[test]
    fn a_token_says_what_it_was_signed_with() {
        assert_eq!(verify(&signed(), 1500), Ok(token()));
        let claims = part(&signed(), 1);
        assert_eq!(claims["scope"], "bus:read bus:dispatch peer");
        assert_eq!((&claims["iat"], &claims["exp"]), (&json!(1000), &json!(2000)));
    }

    #[test]
    fn a_token_is_taken_up_to_a_minute_past_its_end() {
        assert!(verify(&signed(), 2000 + LEEWAY_S - 1).is_ok());
        assert_eq!(verify(&signed(), 2000 + LEEWAY_S), Err(TokenError::Expired));
        assert_eq!(verify(&signed(), 1000 - LEEWAY_S - 1), Err(TokenError::NotYet));
    }

    #[test]
    fn a_token_for_or_from_another_server_is_refused() {
        let other = "https://evil.example".to_owned();
        let audience = AccessToken { audience: other.clone(), ..token() }.sign(&keys(1)).unwrap();
        let issuer = AccessToken { issuer: other, ..token() }.sign(&keys(1)).unwrap();
        assert_eq!(verify(&audience, 1500), Err(TokenError::Audience));
        assert_eq!(verify(&issuer, 1500), Err(TokenError::Audience));
    }

    #[test]
    fn a_token_of_another_key_is_refused() {
        assert_eq!(verify(&token().sign(&keys(2)).unwrap(), 1500), Err(TokenError::UnknownKey));
        let mut header = part(&token().sign(&keys(2)).unwrap(), 0);
        header["kid"] = part(&signed(), 0)["kid"].clone();
        let foreign = token().sign(&keys(2)).unwrap();
        let rest = foreign.split_once('.').unwrap().1;
        assert_eq!(verify(&format!("{}.{rest}", encode(&header)), 1500), Err(TokenError::Signature));
    }

    #[test]
    fn no_other_algorithm_is_taken() {
        let text = signed();
        let (_, rest) = text.split_once('.').unwrap();
        for algorithm in ["none", "None", "NONE", "hs256", "HS384", "HS512", "RS256", "ES256", ""] {
            let mut header = part(&text, 0);
            header["alg"] = json!(algorithm);
            let claims = rest.split_once('.').unwrap().0;
            for forged in [format!("{}.{rest}", encode(&header)), format!("{}.{claims}.", encode(&header))] {
                assert!(verify(&forged, 1500).is_err(), "{algorithm}");
            }
        }
    }

    #[test]
    fn another_type_of_jwt_is_refused() {
        let text = signed();
        let mut header = part(&text, 0);
        header["typ"] = json!("JWT");
        let (_, rest) = text.split_once('.').unwrap();
        assert_eq!(verify(&format!("{}.{rest}", encode(&header)), 1500), Err(TokenError::Malformed));
    }

    #[test]
    fn changed_claims_are_refused() {
        let text = signed();
        let mut claims = part(&text, 1);
        claims["sub"] = json!("u-2");
        let parts: Vec<_> = text.split('.').collect();
        let forged = format!("{}.{}.{}", parts[0], encode(&claims), parts[2]);
        assert_eq!(verify(&forged, 1500), Err(TokenError::Signature));
    }

    #[test]
    fn garbage_is_refused() {
        for text in [
            "",
            ".",
            "..",
            "a.b.c",
            "....",
            &"a".repeat(100_000),
            "\u{0}.\u{0}.\u{0}",
            signed().get(1..).unwrap_or_default(),
        ] {
            assert!(verify(text, 1500).is_err());
        }
    }
}
