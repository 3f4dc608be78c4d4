//! Cutting texts, and putting them into URLs.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// As much of a text as fits in `limit` bytes.
pub fn cut(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or(text)
}

/// A text as the value of a query.
pub fn in_query(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}
