//! Calls of the runtime's WebCrypto, so that the Worker needs no code for RSA, elliptic curves and AES.

use worker::js_sys::{Array, ArrayBuffer, Function, JSON, Object, Promise, Reflect, Uint8Array, global};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;

/// Calls a method of `crypto.subtle`. What it answers is to be awaited.
///
/// # Errors
/// What the runtime throws: an argument that it does not accept, or something that does not fit.
pub fn call(method: &str, arguments: &[&JsValue]) -> Result<JsFuture, JsValue> {
    let subtle = Reflect::get(&Reflect::get(&global(), &"crypto".into())?, &"subtle".into())?;
    let function: Function = Reflect::get(&subtle, &method.into())?.dyn_into()?;
    let arguments: Array = arguments.iter().copied().collect();
    let promise: Promise = function.apply(&subtle, &arguments)?.dyn_into()?;
    Ok(JsFuture::from(promise))
}

/// The bytes of an answer.
///
/// # Errors
/// If it is something else.
pub fn bytes(answer: JsValue) -> Result<Vec<u8>, JsValue> {
    let buffer: ArrayBuffer = answer.dyn_into()?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

/// Parameters of an algorithm, from JSON, and what cannot be written in JSON.
///
/// # Errors
/// If `json` is no JSON object.
pub fn parameters(json: &str, more: &[(&str, &JsValue)]) -> Result<JsValue, JsValue> {
    let parameters: Object = JSON::parse(json)?.dyn_into()?;
    for (name, value) in more {
        Reflect::set(&parameters, &(*name).into(), value)?;
    }
    Ok(parameters.into())
}

/// Bytes, as WebCrypto takes them.
#[must_use]
pub fn given(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}

/// What a key may be used for.
#[must_use]
pub fn uses(names: &[&str]) -> JsValue {
    names.iter().map(|name| JsValue::from_str(name)).collect::<Array>().into()
}
