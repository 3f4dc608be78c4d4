//! A Server-Sent Event may have 1 MiB in common clients, which end the stream at a longer one. A tool's document stands in a
//! response twice, as text and as structured content, so a result of half that size would be too long.
//!
//! What comes as plain JSON has no such limit: a cut answer says how to get the whole that way.

use kernel::shorten::shorten;
use serde_json::{Map, Value, json};

/// The longest message that is sent as an event, in bytes; some are left for the event's own words.
pub const MAX_MESSAGE: usize = 1_048_576 - 1_024;
/// What is left for JSON-RPC around a result, in bytes. A request's id may take most of it.
const AROUND: usize = 8 * 1_024;

/// Shortens a result until it fits in an event.
pub fn fit(result: &mut Map<String, Value>) {
    let room = MAX_MESSAGE.saturating_sub(AROUND);
    drop_image(result, room / 2);
    let whole = result.clone();
    // First as much as might fit. The text escapes the document again, so how much that is depends on what stands in it.
    let mut limit = room / 2;
    while size_of(result) > room && limit > 1_024 {
        result.clone_from(&whole);
        cut_documents(result, limit);
        limit = limit.saturating_sub(limit / 4);
    }
}

fn size_of(result: &Map<String, Value>) -> usize {
    serde_json::to_string(result).map_or(usize::MAX, |text| text.len())
}

/// Shortens the documents of a result: of a tool (text and structured content alike), of a resource, or of a task.
fn cut_documents(result: &mut Map<String, Value>, limit: usize) {
    if let Some(document) = result.get_mut("structuredContent").filter(|document| document.is_object()) {
        let hint = hint(document);
        shorten(document, limit, &hint);
        let text = document.to_string();
        set_text(result, "/content/0/text", text);
        return;
    }
    for place in ["/content/0/text", "/contents/0/text"] {
        let text = pointer_mut(result, place).and_then(|text| text.as_str().map(str::to_owned));
        let Some(Ok(mut document @ Value::Object(_))) = text.map(|text| serde_json::from_str::<Value>(&text)) else {
            continue;
        };
        let hint = hint(&document);
        shorten(&mut document, limit, &hint);
        set_text(result, place, document.to_string());
    }
    if let Some(Value::Object(inner)) = result.get_mut("result") {
        cut_documents(inner, limit);
    }
}

fn pointer_mut<'a>(result: &'a mut Map<String, Value>, place: &str) -> Option<&'a mut Value> {
    let (first, rest) = place.get(1..)?.split_once('/')?;
    result.get_mut(first)?.pointer_mut(&format!("/{rest}"))
}

fn set_text(result: &mut Map<String, Value>, place: &str, text: String) {
    if let Some(place) = pointer_mut(result, place) {
        *place = Value::String(text);
    }
}

/// How to get what is cut.
fn hint(document: &Value) -> String {
    match document.get("job_id").and_then(Value::as_str) {
        Some(job_id) => format!(
            "This answer came as an event stream and is cut to fit an event; blender_job_result(job_id={job_id:?}) has all of it."
        ),
        None => {
            "This answer came as an event stream and is cut to fit an event; ask for less at once, or without waiting."
                .to_owned()
        }
    }
}

/// Takes out a picture that leaves no room for anything else. The job's own result has it.
fn drop_image(result: &mut Map<String, Value>, limit: usize) {
    let Some(Value::Array(content)) = result.get_mut("content") else { return };
    let is_too_long = |item: &Value| {
        item.get("type") == Some(&json!("image"))
            && item.get("data").and_then(Value::as_str).is_some_and(|data| data.len() > limit)
    };
    let before = content.len();
    content.retain(|item| !is_too_long(item));
    if content.len() == before {
        return;
    }
    let said = "The picture is too large for an event stream: ask for a smaller max_size, or read blender_job_result.";
    content.push(json!({"type": "text", "text": said}));
}

#[cfg(test)]
mod tests {
    use bus::wire::tool_result;
    use serde_json::{Map, Value, json};

    use super::{MAX_MESSAGE, fit};

    fn fitted(result: Value) -> Map<String, Value> {
        let Value::Object(mut result) = result else { panic!("a result is an object") };
        fit(&mut result);
        let size = Value::Object(result.clone()).to_string().len();
        assert!(size <= MAX_MESSAGE, "{size}");
        result
    }

    #[test]
    fn a_long_result_is_cut_alike_in_text_and_structured_content() {
        for filling in ["x", "\"", "\u{1}", "椅"] {
            let all = filling.repeat(1024 * 1024 / filling.len());
            let envelope = json!({"status": "completed", "job_id": "j-1", "result": all});
            let result = fitted(tool_result::of(envelope, false));
            let document = &result["structuredContent"];
            let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
            assert_eq!(&text, document, "{filling:?}");
            assert_eq!(document["cut"][0]["bytes"], all.len());
            assert!(document["hint"].as_str().unwrap().contains("blender_job_result(job_id=\"j-1\")"));
            assert!(all.starts_with(document["result"].as_str().unwrap()));
            assert!(Value::Object(result.clone()).to_string().len() > MAX_MESSAGE / 2, "{filling:?}");
        }
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let result = tool_result::of(json!({"status": "completed", "result": "x".repeat(400_000)}), false);
        assert_eq!(Value::Object(fitted(result.clone())), result);
    }

    #[test]
    fn a_resource_is_cut_within_its_text() {
        let text = json!({"status": "completed", "result": "\"".repeat(1024 * 1024)}).to_string();
        let result = fitted(json!({"contents": [{"uri": "blender://jobs/j-1", "text": text}]}));
        let document: Value = serde_json::from_str(result["contents"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(document["cut"][0]["at"], "/result");
    }

    #[test]
    fn a_task_is_cut_within_its_result() {
        let inner = tool_result::of(json!({"status": "completed", "result": "x".repeat(1024 * 1024)}), false);
        let result = fitted(json!({"taskId": "j-1", "result": inner}));
        assert_eq!(result["result"]["structuredContent"]["cut"][0]["bytes"], 1024 * 1024);
    }

    #[test]
    fn a_picture_that_fills_the_event_is_left_out_with_a_word() {
        let image = json!({"type": "image", "data": "A".repeat(1_000_000), "mimeType": "image/png"});
        let mut result = tool_result::of(json!({"status": "completed", "result": "{}"}), false);
        result["content"].as_array_mut().unwrap().push(image);
        let content = fitted(result)["content"].clone();
        assert_eq!(content.as_array().unwrap().len(), 2);
        assert!(content[1]["text"].as_str().unwrap().contains("max_size"));
    }
}
