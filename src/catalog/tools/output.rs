//! The shapes of what tools answer, as JSON Schema.
//!
//! They are lean: a client may validate by them, and few show them to a model. None closes its objects: an answer may grow
//! a field without breaking a client that validates.

use serde_json::{Value, json};

/// The envelope around whatever a command returned. Its fields, and what each status means, are told once, in the
/// server's instructions.
pub fn envelope() -> Value {
    json!({
        "type": "object",
        "properties": {
            "status": {"type": "string"},
            "result": {"type": "string"},
            "error": {"type": "string"},
        },
        "required": ["status", "result", "error"],
    })
}

pub fn registered() -> Value {
    answer(json!({"client": client_info()}))
}

pub fn unregistered() -> Value {
    answer(json!({"client_uuid": {"type": "string"}}))
}

pub fn sent() -> Value {
    answer(json!({
        "message_id": {"type": "string"},
        "job_id": {"type": "string"},
        "targets": strings(),
        "routing": {"type": "object"},
        "candidates": strings(),
        "hint": {"type": "string"},
    }))
}

pub fn updated() -> Value {
    answer(json!({
        "delivered": {"type": "string"},
        "targets": strings(),
        "duplicate": {"type": "boolean"},
    }))
}

pub fn clients() -> Value {
    let infos = json!({"type": "array", "items": client_info()});
    answer(json!({"user_id": {"type": "string"}, "persistent": infos, "ephemeral": infos}))
}

/// One job, in whatever detail the tool gives.
pub fn job() -> Value {
    json!({
        "type": "object",
        "properties": {
            "status": {"type": "string"},
            "job_id": {"type": "string"},
            "command": {"type": "string"},
            "target_uuid": nullable_string(),
            "result": {"type": "string"},
            "error": {"type": "string"},
            "hint": {"type": "string"},
        },
        "required": ["status"],
    })
}

pub fn jobs() -> Value {
    let jobs = json!({"type": "array", "items": {"type": "object"}});
    answer(json!({"jobs": jobs}))
}

pub fn messages() -> Value {
    json!({
        "type": "object",
        "properties": {
            "messages": {"type": "array", "items": {"type": "object"}},
            "next": nullable_string(),
        },
        "required": ["messages", "next"],
    })
}

fn client_info() -> Value {
    json!({"type": "object", "properties": {"uuid": {"type": "string"}, "connected": {"type": "boolean"}}})
}

/// An answer with a status and, unless it is an error, some of `properties`.
pub fn answer(properties: Value) -> Value {
    let mut schema = json!({"type": "object", "properties": properties, "required": ["status"]});
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.insert("status".to_owned(), json!({"type": "string"}));
        properties.insert("error".to_owned(), json!({"type": "string"}));
    }
    schema
}

fn strings() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

fn nullable_string() -> Value {
    json!({"type": ["string", "null"]})
}
