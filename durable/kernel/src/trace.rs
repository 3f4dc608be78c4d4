//! Which request led to what: ids that go through logs and records, and never a word of what was asked or answered.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json;
use crate::text::cut;

/// Bytes of a name that a log line shows.
const MAX_SHOWN: usize = 64;

/// What a request is known by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    pub request_id: String,
    /// W3C Trace Context, as the client sent it in `_meta`.
    pub traceparent: Option<String>,
}

/// A `traceparent` as W3C Trace Context has it: `00-<32 hex>-<16 hex>-<2 hex>`. Anything else is not passed on.
pub fn traceparent(text: &str) -> Option<String> {
    let is_hex = |part: &&str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let parts: Vec<&str> = text.split('-').filter(is_hex).collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    (lengths == [2, 32, 16, 2] && text.len() == 55).then(|| text.to_owned())
}

/// One line of the log: an event and its ids, as JSON. Fields without a value are left out.
pub fn line<'a>(event: &str, fields: impl IntoIterator<Item = (&'a str, Option<Value>)>) -> String {
    let known = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let event = ("event".to_owned(), Value::from(event));
    json::text(&Value::Object(core::iter::once(event).chain(known).collect()))
}

/// A name that a client chose, cut to a length that a log can show.
pub fn shown(name: &str) -> Option<Value> {
    Some(Value::from(cut(name, MAX_SHOWN)))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{line, traceparent};

    #[test]
    fn a_line_has_its_event_first_and_no_field_without_a_value() {
        let fields =
            [("job_id", Some(Value::from("j-\"1\""))), ("target_uuid", None), ("took_ms", Some(Value::from(7)))];
        assert_eq!(line("job_ended", fields), r#"{"event":"job_ended","job_id":"j-\"1\"","took_ms":7}"#);
    }

    #[test]
    fn only_a_traceparent_is_one() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(traceparent(good).as_deref(), Some(good));
        let upper = good.to_uppercase();
        let short = good.trim_start_matches("00");
        for text in ["", "00", &upper, short, &format!("{good}-"), &format!("{good}\n"), &good.replace('-', "_")] {
            assert_eq!(traceparent(text), None, "{text:?}");
        }
    }
}
