//! Who this server is to push services (RFC 8292): a key pair, and tokens signed with it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use runtime::subtle::{bytes, call, given, parameters, uses};
use worker::js_sys::{JSON, Reflect};
use worker::wasm_bindgen::JsValue;

const ECDSA: &str = r#"{"name": "ECDSA", "namedCurve": "P-256", "hash": "SHA-256"}"#;

/// A new key pair, as a JSON Web Key.
///
/// # Errors
/// If the runtime makes none.
pub async fn new_key() -> Result<String, JsValue> {
    let pair = call("generateKey", &[&parameters(ECDSA, &[])?, &JsValue::TRUE, &uses(&["sign", "verify"])])?.await?;
    let key = call("exportKey", &[&"jwk".into(), &Reflect::get(&pair, &"privateKey".into())?])?.await?;
    let text = |name: &str| -> Result<String, JsValue> {
        Reflect::get(&key, &name.into())?.as_string().ok_or_else(|| JsValue::from_str("a key without its parts"))
    };
    let key = serde_json::json!({"kty": "EC", "crv": "P-256", "x": text("x")?, "y": text("y")?, "d": text("d")?});
    Ok(key.to_string())
}

/// What was said, a dot, and the signature, as a JSON Web Signature has it (ES256).
///
/// # Errors
/// If `key` is no key.
pub async fn signed(key: &str, said: &str) -> Result<String, JsValue> {
    let (ecdsa, may) = (parameters(ECDSA, &[])?, uses(&["sign"]));
    let key = call("importKey", &[&"jwk".into(), &JSON::parse(key)?, &ecdsa, &JsValue::FALSE, &may])?.await?;
    let signature = bytes(call("sign", &[&ecdsa, &key, &given(said.as_bytes())])?.await?)?;
    Ok(format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature)))
}
