use super::{Algorithm, Expected, IdToken, IdTokenError};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

fn token(header: &Value, changes: &Value) -> String {
    let mut claims = json!({"iss": "https://idp.example", "sub": "7", "aud": "bus", "exp": 2000, "iat": 1000,
        "nonce": "n", "email": "Ada@Example.com", "email_verified": true, "groups": ["artists"]});
    let fields = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            fields.remove(name)
        } else {
            fields.insert(name.clone(), value.clone())
        };
    }
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.AAAA", encode(header), encode(&claims))
}

fn check(changes: &Value) -> Result<(), IdTokenError> {
    let token = IdToken::parse(&token(&json!({"alg": "RS256"}), changes))?;
    token.claims.check(&Expected { issuer: "https://idp.example", client_id: "bus", nonce: "n", now_s: 1010.0 })
}

#[test]
fn a_token_for_this_sign_in_is_taken() {
    for changes in [json!({}), json!({"aud": ["bus"]}), json!({"aud": ["bus", "x"], "azp": "bus"}), json!({"exp": 1e9})]
    {
        assert_eq!(check(&changes), Ok(()), "{changes}");
    }
}

#[test]
fn a_token_for_another_client_issuer_sign_in_or_time_is_refused() {
    use IdTokenError::{Audience, Issuer, Malformed, Nonce, Subject, Time};
    for (changes, reason) in [
        (json!({"iss": "https://idp.example/"}), Issuer),
        (json!({"iss": "https://evil.example"}), Issuer),
        (json!({"aud": "other"}), Audience),
        (json!({"aud": []}), Audience),
        (json!({"aud": ["other"]}), Audience),
        (json!({"aud": ["bus", "other"]}), Audience),
        (json!({"aud": "bus", "azp": "other"}), Audience),
        (json!({"exp": 900}), Time),
        (json!({"iat": 1100}), Time),
        (json!({"iat": 100}), Time),
        (json!({"nbf": 1100}), Time),
        (json!({"nonce": "m"}), Nonce),
        (json!({"nonce": null}), Nonce),
        (json!({"sub": ""}), Subject),
        (json!({"sub": "x".repeat(256)}), Subject),
        (json!({"sub": null}), Malformed),
        (json!({"exp": null}), Malformed),
        (json!({"iat": null}), Malformed),
        (json!({"aud": null}), Malformed),
    ] {
        assert_eq!(check(&changes), Err(reason), "{changes}");
    }
}

#[test]
fn no_other_algorithm_is_taken() {
    for alg in ["none", "None", "HS256", "HS512", "RS512", "PS256", "ES384", "EdDSA", "rs256", ""] {
        let parsed = IdToken::parse(&token(&json!({"alg": alg}), &json!({})));
        assert_eq!(parsed.unwrap_err(), IdTokenError::Algorithm, "{alg}");
    }
    let es256 = IdToken::parse(&token(&json!({"alg": "ES256", "kid": "k"}), &json!({}))).unwrap();
    assert_eq!((es256.algorithm, es256.kid.as_deref()), (Algorithm::Es256, Some("k")));
    assert!(IdToken::parse(&token(&json!({"alg": "RS256", "crit": ["x"]}), &json!({}))).is_err());
    for garbage in ["", ".", "..", "a.b.c", &"a".repeat(100_000)] {
        assert!(IdToken::parse(garbage).is_err());
    }
}

#[test]
fn the_allow_list_goes_by_verified_address_domain_or_group() {
    let about = |changes: Value| IdToken::parse(&token(&json!({"alg": "RS256"}), &changes)).unwrap().claims.about;
    let allowed = |changes: Value, rules: &[&str]| {
        about(changes).is_allowed(&rules.iter().map(|rule| (*rule).to_owned()).collect::<Vec<_>>())
    };
    assert!(allowed(json!({"email": null}), &[]));
    for rule in ["ada@example.com", "ADA@example.COM", "@example.com", "group:artists"] {
        assert!(allowed(json!({}), &[rule]), "{rule}");
    }
    for rule in ["eve@example.com", "@ample.com", "@example", "example.com", "group:Artists", "artists", "@"] {
        assert!(!allowed(json!({}), &[rule]), "{rule}");
    }
    let rules = ["ada@example.com", "@example.com"];
    for unverified in [json!({"email_verified": false}), json!({"email_verified": null}), json!({"email": null})] {
        assert!(!allowed(unverified, &rules));
    }
    assert!(!allowed(json!({"email": "ada@example.com@evil.example"}), &rules));
    assert!(allowed(json!({"groups": "artists", "email": null}), &["group:artists"]));
}
