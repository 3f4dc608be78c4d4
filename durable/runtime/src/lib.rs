//! The clock, the randomness and the microtasks of the runtime: the one place in this package that touches them.

use kernel::ids::{Entropy, EntropyError};
use worker::js_sys::{Date, Reflect, global};
use worker::wasm_bindgen::JsValue;

/// Has woken futures run as reactions of a promise, which the engine queues by itself. `queueMicrotask` does the same by
/// way of workerd, which makes a function of the engine's for each call: a tenth of what a dispatch costs. Futures take
/// the promise where there is no `queueMicrotask`. To be called once, before the first future.
pub fn wake_by_promises() {
    // Fails only on a global object that takes no properties: then all goes on as before.
    let _ = Reflect::set(&global(), &JsValue::from_str("queueMicrotask"), &JsValue::UNDEFINED);
}

/// Milliseconds since the Unix epoch.
#[allow(clippy::cast_possible_truncation)]
pub fn now_ms() -> i64 {
    // Whole milliseconds. `worker::Date` makes an object for each look at the clock, and a dispatch has several.
    Date::now() as i64
}

/// WebCrypto's randomness.
pub struct WebCrypto;

impl Entropy for WebCrypto {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        getrandom::fill(bytes).map_err(|_| EntropyError)
    }
}
