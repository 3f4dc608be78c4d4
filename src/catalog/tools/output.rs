//! The shapes of what tools answer, as JSON Schema.
//!
//! None closes its objects: an answer may grow a field without breaking a client that validates.

use serde_json::{Value, json};

/// Every status the envelope of a dispatch can have.
pub const STATUSES: [&str; 8] =
    ["completed", "failed", "timeout", "no_client", "ambiguous_target", "unknown_target", "disconnected", "cancelled"];

/// The envelope around whatever a command returned. `target_uuid` and `job_id` are `null` where it never came to a
/// target or a job.
pub fn envelope(command: &str) -> Value {
    json!({
        "type": "object",
        "properties": {
            "status": {"type": "string", "enum": STATUSES},
            "command": {"type": "string", "const": command},
            "target_uuid": nullable_string("The Blender it went to."),
            "job_id": nullable_string("The job it became."),
            "result": {"type": "string", "description": "What the command returned: JSON text, or plain output."},
            "error": {"type": "string", "description": "Empty unless it failed."},
            "job_state": {"type": "string", "enum": ["queued", "running"], "description": "After a timeout."},
            "waited_seconds": {"type": "number"},
            "hint": {"type": "string", "description": "What to do next."},
            "candidates": strings("Uuids to choose target_uuid from."),
        },
        "required": ["status", "command", "target_uuid", "job_id", "result", "error"],
    })
}

pub fn registered() -> Value {
    answer(&["ok", "error"], json!({"client": client_info()}))
}

pub fn unregistered() -> Value {
    answer(&["ok", "not_found", "error"], json!({"client_uuid": {"type": "string"}}))
}

pub fn sent() -> Value {
    answer(
        &["ok", "unknown_target", "error"],
        json!({
            "message_id": {"type": "string"},
            "job_id": {"type": "string"},
            "targets": strings("Clients it was sent to."),
            "routing": {
                "type": "object",
                "properties": {"type": {"type": "string", "enum": ["direct", "group", "type_filter", "broadcast"]}},
                "required": ["type"],
            },
            "candidates": strings("Uuids that could have been meant."),
            "hint": {"type": "string"},
        }),
    )
}

pub fn updated() -> Value {
    answer(
        &["ok", "error"],
        json!({
            "delivered": {"type": "string", "enum": ["direct", "broadcast"]},
            "targets": strings("Clients that were told."),
            "duplicate": {"type": "boolean", "description": "True when the job had already ended: nothing changed."},
        }),
    )
}

pub fn clients() -> Value {
    let infos = json!({"type": "array", "items": client_info()});
    answer(&["ok", "error"], json!({"user_id": {"type": "string"}, "persistent": infos, "ephemeral": infos}))
}

/// One job, in whatever detail the tool gives.
pub fn job() -> Value {
    json!({
        "type": "object",
        "properties": {
            "status": {"type": "string", "description": "State of the job, or \"not_found\"."},
            "job_id": {"type": "string"},
            "command": {"type": "string"},
            "target_uuid": nullable_string("The Blender it is for."),
            "result": {"type": "string", "description": "What the command returned: JSON text, or plain output."},
            "error": {"type": "string", "description": "Empty unless it failed."},
            "hint": {"type": "string", "description": "What to do next."},
        },
        "required": ["status"],
    })
}

pub fn jobs() -> Value {
    let jobs = json!({"type": "array", "items": job()});
    answer(&["ok", "error"], json!({"jobs": jobs}))
}

pub fn messages() -> Value {
    json!({
        "type": "object",
        "properties": {
            "messages": {"type": "array", "items": {"type": "object"}},
            "next": nullable_string("Give it as \"after\" to get what comes later."),
        },
        "required": ["messages", "next"],
    })
}

fn client_info() -> Value {
    json!({
        "type": "object",
        "properties": {
            "uuid": {"type": "string"},
            "client_type": {"type": "string"},
            "is_persistent": {"type": "boolean"},
            "capabilities": {"type": "array", "items": {"type": "string"}},
            "group_id": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "connected_at": {"type": "number", "description": "Unix time in seconds."},
            "last_seen": {"type": "number", "description": "Unix time in seconds."},
            "connected": {"type": "boolean"},
        },
        "required": [
            "uuid", "client_type", "is_persistent", "capabilities", "group_id", "connected_at", "last_seen", "connected"
        ],
    })
}

/// An answer with a status and, unless it is an error, some of `properties`.
pub fn answer(statuses: &[&str], properties: Value) -> Value {
    let mut schema = json!({"type": "object", "properties": properties, "required": ["status"]});
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.insert("status".to_owned(), json!({"type": "string", "enum": statuses}));
        properties.insert("error".to_owned(), json!({"type": "string"}));
    }
    schema
}

fn strings(description: &str) -> Value {
    json!({"type": "array", "items": {"type": "string"}, "description": description})
}

fn nullable_string(description: &str) -> Value {
    json!({"anyOf": [{"type": "string"}, {"type": "null"}], "description": description})
}
