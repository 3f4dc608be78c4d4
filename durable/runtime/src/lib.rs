//! The clock, the randomness, the database and the microtasks of the runtime: the one place in this package that touches them.

pub mod calls;
mod drawn;
pub mod patience;
pub mod sql;
pub mod subtle;
pub mod tasks;

use core::cell::RefCell;

use drawn::{BLOCK, Drawn};
use kernel::ids::{Entropy, EntropyError};
use worker::js_sys::{Date, Reflect, global};
use worker::wasm_bindgen::JsValue;

/// Makes futures wake through promise reactions, which the engine queues itself. `queueMicrotask` goes through workerd,
/// which makes a JavaScript function for each call: a tenth of the cost of a dispatch. Futures use the promise where
/// `queueMicrotask` is missing, so this removes it. Call it once, before the first future.
pub fn wake_by_promises() {
    // Fails only if the global object is frozen; then `queueMicrotask` stays in use.
    let _ = Reflect::set(&global(), &JsValue::from_str("queueMicrotask"), &JsValue::UNDEFINED);
}

/// Milliseconds since the Unix epoch. A call out of the module: look once, and hand on what you saw. On Cloudflare the clock stands
/// still anyway while code runs.
#[allow(clippy::cast_possible_truncation)]
pub fn now_ms() -> i64 {
    // Whole milliseconds. `worker::Date` makes an object for each look at the clock, and a dispatch has several.
    Date::now() as i64
}

/// WebCrypto's randomness.
pub struct WebCrypto;

impl Entropy for WebCrypto {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        DRAWN.with_borrow_mut(|drawn| drawn.fill(bytes, |block| getrandom::fill(block).map_err(|_| EntropyError)))
    }
}

thread_local! {
    /// In the memory of the module, which ends with its instance: no two instances hand out the same.
    static DRAWN: RefCell<Drawn> = const { RefCell::new(Drawn { block: [0; BLOCK], used: BLOCK }) };
}
