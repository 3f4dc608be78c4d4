//! A message that only its browser can read: RFC 8291, which is RFC 8188 with a key agreed upon by elliptic curves.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::ids::Entropy;
use runtime::WebCrypto;
use runtime::subtle::{bytes, call, given, parameters, uses};
use worker::js_sys::Reflect;
use worker::wasm_bindgen::JsValue;

const ECDH: &str = r#"{"name": "ECDH", "namedCurve": "P-256"}"#;
const AES_GCM: &str = r#"{"name": "AES-GCM"}"#;

/// The size of the one record: a push service need not take more (RFC 8291 section 4).
const RECORD: u32 = 4096;

/// Ends the last record.
const LAST: u8 = 2;

/// The body for the push service. `p256dh`, `auth`: what the browser has told, in base64url.
///
/// # Errors
/// If they are not a point of P-256 and bytes.
pub async fn encrypted(payload: &str, p256dh: &str, auth: &str) -> Result<Vec<u8>, JsValue> {
    let decoded = |text| URL_SAFE_NO_PAD.decode(text).map_err(|_| JsValue::from_str("not base64url"));
    let (theirs, auth) = (decoded(p256dh)?, decoded(auth)?);
    let ecdh = parameters(ECDH, &[])?;
    let pair = call("generateKey", &[&ecdh, &JsValue::TRUE, &uses(&["deriveBits"])])?.await?;
    let ours = bytes(call("exportKey", &[&"raw".into(), &Reflect::get(&pair, &"publicKey".into())?])?.await?)?;
    let theirs_key = call("importKey", &[&"raw".into(), &given(&theirs), &ecdh, &JsValue::FALSE, &uses(&[])])?.await?;
    let agree = parameters(ECDH, &[("public", &theirs_key)])?;
    let private = Reflect::get(&pair, &"privateKey".into())?;
    let agreed = bytes(call("deriveBits", &[&agree, &private, &256.into()])?.await?)?;
    let both = [b"WebPush: info\0", theirs.as_slice(), ours.as_slice()].concat();
    let key_material = derived(&agreed, &auth, &both, 32).await?;
    let mut salt = [0_u8; 16];
    WebCrypto.fill(&mut salt).map_err(|error| JsValue::from_str(&error.to_string()))?;
    let key = derived(&key_material, &salt, b"Content-Encoding: aes128gcm\0", 16).await?;
    let nonce = derived(&key_material, &salt, b"Content-Encoding: nonce\0", 12).await?;
    let mut body = [salt.as_slice(), &RECORD.to_be_bytes(), &[65], &ours].concat();
    body.append(&mut sealed(&key, &nonce, &[payload.as_bytes(), &[LAST]].concat()).await?);
    Ok(body)
}

/// HKDF with SHA-256 (RFC 5869).
async fn derived(secret: &[u8], salt: &[u8], info: &[u8], length: u32) -> Result<Vec<u8>, JsValue> {
    let may = uses(&["deriveBits"]);
    let key = call("importKey", &[&"raw".into(), &given(secret), &"HKDF".into(), &JsValue::FALSE, &may])?.await?;
    let hkdf = r#"{"name": "HKDF", "hash": "SHA-256"}"#;
    let how = parameters(hkdf, &[("salt", &given(salt)), ("info", &given(info))])?;
    bytes(call("deriveBits", &[&how, &key, &length.saturating_mul(8).into()])?.await?)
}

async fn sealed(key: &[u8], nonce: &[u8], plain: &[u8]) -> Result<Vec<u8>, JsValue> {
    let (aes, may) = (parameters(AES_GCM, &[])?, uses(&["encrypt"]));
    let key = call("importKey", &[&"raw".into(), &given(key), &aes, &JsValue::FALSE, &may])?.await?;
    let how = parameters(AES_GCM, &[("iv", &given(nonce))])?;
    bytes(call("encrypt", &[&how, &key, &given(plain)])?.await?)
}
