//! Verifies a provider's signatures with the runtime's WebCrypto.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use runtime::subtle::{call, given, parameters, uses};
use serde::Deserialize;
use serde_json::{Value, json};
use worker::js_sys::JSON;
use worker::wasm_bindgen::JsValue;

use crate::web::oidc::id_token::{Algorithm, IdToken};

/// The size of an RSA modulus in bytes: 2048 to 8192 bits.
const MODULUS_BYTES: core::ops::RangeInclusive<usize> = 256..=1024;

/// A key of the provider (RFC 7517). Other fields are ignored.
#[derive(Debug, Clone, Deserialize)]
pub struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    used_for: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Jwk {
    /// The public key in the form the runtime accepts, if it is a signature key for this algorithm.
    fn public(&self, algorithm: Algorithm) -> Option<Value> {
        let (name, kty) = match algorithm {
            Algorithm::Rs256 => ("RS256", "RSA"),
            Algorithm::Es256 => ("ES256", "EC"),
        };
        let meant = self.alg.as_deref().is_none_or(|alg| alg == name);
        if self.kty != kty || !meant || self.used_for.as_deref().is_some_and(|used_for| used_for != "sig") {
            return None;
        }
        match algorithm {
            Algorithm::Rs256 => {
                let bytes = URL_SAFE_NO_PAD.decode(self.n.as_ref()?).ok()?.len();
                MODULUS_BYTES.contains(&bytes).then(|| json!({"kty": kty, "n": self.n, "e": self.e}))
            }
            Algorithm::Es256 if self.crv.as_deref() == Some("P-256") => {
                Some(json!({"kty": kty, "crv": "P-256", "x": self.x, "y": self.y}))
            }
            Algorithm::Es256 => None,
        }
    }
}

/// The key that the token names; without a name, the only key that fits.
pub fn key_of(keys: &[Jwk], token: &IdToken) -> Option<Value> {
    let named = |key: &&Jwk| token.kid.is_none() || key.kid == token.kid;
    let mut fitting = keys.iter().filter(named).filter_map(|key| key.public(token.algorithm));
    match (fitting.next(), fitting.next()) {
        (Some(key), None) => Some(key),
        _ => None,
    }
}

/// Whether the token is signed with this key.
///
/// # Errors
/// If the runtime does not accept the key.
pub async fn is_signed(token: &IdToken, key: &Value) -> Result<bool, JsValue> {
    let named = match token.algorithm {
        Algorithm::Rs256 => r#"{"name": "RSASSA-PKCS1-v1_5", "hash": "SHA-256"}"#,
        Algorithm::Es256 => r#"{"name": "ECDSA", "namedCurve": "P-256", "hash": "SHA-256"}"#,
    };
    let algorithm = parameters(named, &[])?;
    let (key, may) = (JSON::parse(&key.to_string())?, uses(&["verify"]));
    let key = call("importKey", &[&"jwk".into(), &key, &algorithm, &JsValue::FALSE, &may])?.await?;
    let (signature, signed) = (given(&token.signature), given(token.signed.as_bytes()));
    Ok(call("verify", &[&algorithm, &key, &signature, &signed])?.await?.as_bool() == Some(true))
}

#[cfg(test)]
mod tests {
    use super::{Jwk, key_of};
    use crate::web::oidc::id_token::{Algorithm, Claims, IdToken};
    use serde_json::{Value, json};

    fn token(algorithm: Algorithm, kid: Option<&str>) -> IdToken {
        let claims: Claims =
            serde_json::from_value(json!({"iss": "", "sub": "", "aud": "", "exp": 0, "iat": 0})).unwrap();
        IdToken { algorithm, kid: kid.map(str::to_owned), claims, signed: String::new(), signature: Vec::new() }
    }

    fn keys(list: &Value) -> Vec<Jwk> {
        serde_json::from_value(list.clone()).unwrap()
    }

    #[test]
    fn a_key_serves_the_algorithm_it_was_made_for_and_signatures_only() {
        let modulus = "A".repeat(342);
        let rsa = json!({"kty": "RSA", "kid": "r", "n": modulus, "e": "AQAB", "alg": "RS256", "use": "sig"});
        let ec = json!({"kty": "EC", "kid": "e", "crv": "P-256", "x": "AA", "y": "AA"});
        let found = |list: Value, algorithm, kid| key_of(&keys(&list), &token(algorithm, kid)).is_some();
        assert!(found(json!([rsa, ec]), Algorithm::Rs256, Some("r")));
        assert!(found(json!([rsa, ec]), Algorithm::Es256, Some("e")));
        assert!(found(json!([rsa, ec]), Algorithm::Es256, None));
        assert!(!found(json!([rsa, ec]), Algorithm::Es256, Some("r")) && !found(json!([ec]), Algorithm::Rs256, None));
        assert!(!found(json!([rsa, rsa]), Algorithm::Rs256, None), "which one, nobody knows");
        for (name, value) in [("alg", "PS256"), ("use", "enc"), ("kty", "oct"), ("n", "AQAB"), ("kid", "other")] {
            let mut wrong = rsa.clone();
            wrong[name] = json!(value);
            assert!(!found(json!([wrong]), Algorithm::Rs256, Some("r")), "{name}");
        }
        let p384 = json!({"kty": "EC", "kid": "e", "crv": "P-384", "x": "AA", "y": "AA"});
        assert!(!found(json!([p384]), Algorithm::Es256, Some("e")));
    }
}
