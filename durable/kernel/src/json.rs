//! Reading and writing JSON.

use core::str::from_utf8;

use serde::de::{DeserializeOwned, Error};
use serde_json::Value;

/// Reads JSON from bytes. As text, always: the reader of a type is compiled once for texts, and would be once more for bytes.
///
/// # Errors
/// If the bytes are not UTF-8, or not the JSON of a `T`.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_str(from_utf8(bytes).map_err(Error::custom)?)
}

/// The text of a value, which always has one. Its own `to_string` goes through a formatter, which costs more than the writing.
pub fn text(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn bytes_are_read_as_text_and_what_is_no_text_is_refused() {
        assert_eq!(read::<Vec<String>>("[\"ä\"]".as_bytes()).unwrap(), ["ä"]);
        let said = |bytes: &[u8]| read::<Vec<String>>(bytes).unwrap_err().to_string();
        assert_eq!(said(b"[\"\xe4\"]"), "invalid utf-8 sequence of 1 bytes from index 2");
        assert_eq!(said(b"[1]"), "invalid type: integer `1`, expected a string at line 1 column 2");
    }
}
