//! Results of `tools/call`, as MCP shapes them.

use serde_json::{Map, Value, json};

use crate::wire::envelope::Envelope;

/// Commands whose result holds a picture.
const PICTURES: [&str; 3] = ["get_viewport_screenshot", "render_views", "render"];

/// A tool's document, as one text block and as structured content.
pub fn of(document: Value, is_error: bool) -> Value {
    with_content(document, None, is_error)
}

/// An error result of a tool, which models see.
pub fn error(reason: &str) -> Value {
    json!({"content": [{"type": "text", "text": reason}], "isError": true})
}

/// The result of a dispatch. A picture becomes image content, so that a model sees it.
///
/// # Errors
/// If serde cannot serialize the envelope, which does not happen.
pub fn of_envelope(mut envelope: Envelope) -> serde_json::Result<Value> {
    let image = take_image(&mut envelope);
    Ok(with_content(serde_json::to_value(envelope)?, image, false))
}

/// The longest result that stands in an answer. A longer one becomes a file, which the edge does.
pub const MAX_INLINE: usize = 512 * 1024;

/// Whether the edge has to look at an envelope: it names files, or is to become one.
pub fn is_about_files(envelope: &Envelope) -> bool {
    envelope.result.len() > MAX_INLINE || ["result_file", "files"].iter().any(|name| envelope.extra.contains_key(*name))
}

/// A tool's document with more content than its text.
pub fn with_content(document: Value, more: impl IntoIterator<Item = Value>, is_error: bool) -> Value {
    let text =
        Map::from_iter([("type".to_owned(), json!("text")), ("text".to_owned(), kernel::json::text(&document).into())]);
    let content = core::iter::once(Value::Object(text)).chain(more).collect();
    // Built without `json!`, which would copy the document of up to a megabyte.
    Value::Object(Map::from_iter([
        ("content".to_owned(), Value::Array(content)),
        ("structuredContent".to_owned(), document),
        ("isError".to_owned(), Value::Bool(is_error)),
    ]))
}

/// The picture of a result, which is then no longer part of it.
pub fn take_image(envelope: &mut Envelope) -> Option<Value> {
    if !PICTURES.contains(&envelope.command.as_str()) {
        return None;
    }
    let Ok(Value::Object(mut result)) = serde_json::from_str::<Value>(&envelope.result) else { return None };
    let image = result.remove("image")?;
    let part = |name: &str| image.get(name).and_then(Value::as_str);
    let (mime_type, data) = (part("mime_type")?, part("data")?);
    if !mime_type.starts_with("image/") {
        return None;
    }
    envelope.result = Value::Object(result).to_string();
    Some(json!({"type": "image", "data": data, "mimeType": mime_type}))
}
