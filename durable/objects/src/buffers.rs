//! Memory of the runtime, given back at once. The collector of garbage looks at how many objects there are, and an array of a
//! mebibyte is one: a transfer would have dozens of them lie about.

use wasm_bindgen::prelude::wasm_bindgen;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::{JsCast, JsValue};

#[wasm_bindgen]
extern "C" {
    type Buffer;

    #[wasm_bindgen(method, catch)]
    fn transfer(this: &Buffer, length: u32) -> Result<JsValue, JsValue>;
}

/// Gives the bytes of an array back. It is empty from then on.
pub fn free(bytes: &Uint8Array) {
    // Fails only for an array that was given away already.
    drop(bytes.buffer().unchecked_ref::<Buffer>().transfer(0));
}
