//! Making a JSON document fit where it has to: its longest texts are cut, and it says so itself.

use serde_json::{Value, json};

/// Strings shorter than this are not worth cutting.
const WORTH_CUTTING: usize = 256;

/// Cuts the longest texts of a document, an object, until its JSON takes at most `limit` bytes. What was cut stands in its
/// field `cut`, as `[{"at": JSON pointer, "bytes": before, "shown": after}]`, and `hint` says where all of it is. Says
/// whether anything was cut. A document without long texts can stay longer than the limit.
pub fn shorten(document: &mut Value, limit: usize, hint: &str) -> bool {
    let mut size = document.to_string().len();
    if size <= limit {
        return false;
    }
    // What the notes of the cuts take. There are few: each cut takes all that has to go, if its text has that much.
    let room = limit.saturating_sub(hint.len()).saturating_sub(1_024);
    let mut cuts = Vec::new();
    while size > room {
        let mut longest = Longest::default();
        longest.look(document, &mut String::new());
        let Some(Value::String(text)) = document.pointer_mut(&longest.at).filter(|_| longest.bytes > WORTH_CUTTING)
        else {
            break;
        };
        let keep = longest.bytes.saturating_sub(size.saturating_sub(room)).max(WORTH_CUTTING / 2);
        let shown = cut_json(text, keep).len();
        cuts.push(json!({"at": longest.at, "bytes": text.len(), "shown": shown}));
        text.truncate(shown);
        size = document.to_string().len();
    }
    if let Some(fields) = document.as_object_mut() {
        let said = fields.get("hint").and_then(Value::as_str).map(|said| format!("{said} {hint}"));
        fields.insert("hint".to_owned(), Value::from(said.unwrap_or_else(|| hint.to_owned())));
        fields.insert("cut".to_owned(), Value::from(cuts));
    }
    true
}

/// The text of a document that takes the most bytes as JSON.
#[derive(Default)]
struct Longest {
    /// JSON pointer.
    at: String,
    bytes: usize,
}

impl Longest {
    fn look(&mut self, value: &Value, at: &mut String) {
        match value {
            Value::String(text) => {
                let bytes = json_bytes(text);
                if bytes > self.bytes {
                    (self.at, self.bytes) = (at.clone(), bytes);
                }
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| self.look_into(item, at, &index.to_string()));
            }
            Value::Object(fields) => {
                fields.iter().for_each(|(name, field)| self.look_into(field, at, name));
            }
            _ => {}
        }
    }

    fn look_into(&mut self, value: &Value, at: &mut String, name: &str) {
        let parent = at.len();
        at.push('/');
        at.push_str(&name.replace('~', "~0").replace('/', "~1"));
        self.look(value, at);
        at.truncate(parent);
    }
}

/// Bytes that a character takes within a JSON string.
fn escaped(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        other => other.len_utf8(),
    }
}

/// Bytes that a text takes within quotes in JSON.
fn json_bytes(text: &str) -> usize {
    text.chars().map(escaped).sum()
}

/// As much of a text as takes at most `limit` bytes within quotes in JSON.
fn cut_json(text: &str, limit: usize) -> &str {
    let mut left = limit;
    let end = text.char_indices().find_map(|(at, character)| match left.checked_sub(escaped(character)) {
        Some(rest) => {
            left = rest;
            None
        }
        None => Some(at),
    });
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::{json_bytes, shorten};
    use serde_json::{Value, json};

    #[test]
    fn a_document_that_fits_stays_as_it_is() {
        let mut document = json!({"result": "x".repeat(100)});
        let before = document.clone();
        assert!(!shorten(&mut document, 1_000, "elsewhere"));
        assert_eq!(document, before);
    }

    #[test]
    fn the_longest_text_is_cut_and_the_document_says_so() {
        for filling in ["x", "\"", "\u{1}", "椅", "🪑", "\\n"] {
            let result = filling.repeat(20_000);
            let mut document = json!({"status": "completed", "result": result, "hint": "Well done."});
            assert!(shorten(&mut document, 10_000, "More elsewhere."));
            assert!(document.to_string().len() <= 10_000, "{filling:?}: {}", document.to_string().len());
            assert!(document.to_string().len() > 8_000, "no more goes than has to: {filling:?}");
            let shown = document["result"].as_str().unwrap();
            assert!(result.starts_with(shown));
            assert_eq!(document["hint"], "Well done. More elsewhere.");
            assert_eq!(document["cut"], json!([{"at": "/result", "bytes": result.len(), "shown": shown.len()}]));
        }
    }

    #[test]
    fn several_texts_are_cut_where_one_is_not_enough() {
        let text = "x".repeat(6_000);
        let mut document = json!({"messages": [{"a/b": text}, {"a~b": [text]}], "none": null});
        assert!(shorten(&mut document, 4_000, "elsewhere"));
        assert!(document.to_string().len() <= 4_000);
        let at: Vec<&str> = document["cut"].as_array().unwrap().iter().map(|cut| cut["at"].as_str().unwrap()).collect();
        assert_eq!(at.len(), 2);
        assert!(at.contains(&"/messages/0/a~1b") && at.contains(&"/messages/1/a~0b/0"), "{at:?}");
    }

    #[test]
    fn what_has_no_long_texts_comes_to_an_end_too() {
        let mut document = json!({"numbers": vec![1; 5_000], "texts": vec!["x".repeat(200); 50]});
        assert!(shorten(&mut document, 1_000, "elsewhere"));
        assert_eq!(document["cut"], json!([]));
    }

    #[test]
    fn bytes_are_those_of_serde() {
        let every = (0..0x300).filter_map(char::from_u32).chain(['\u{2028}', '椅', '🪑']);
        for character in every {
            let text = character.to_string();
            assert_eq!(json_bytes(&text), Value::from(text.clone()).to_string().len() - 2, "{character:?}");
        }
    }
}
