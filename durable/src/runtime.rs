//! The clock and the randomness of the runtime: the one place in this package that reads either.

use bus_core::ids::{Entropy, EntropyError};
use worker::js_sys::Date;

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
