//! Bus records: one routed message for one recipient, and how it looks on the wire.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::wire::priority::Priority;

/// The `logger` of every record.
pub const LOGGER: &str = "_message_bus";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Routing {
    Direct { target_uuid: String },
    Group { group_id: String },
    TypeFilter { client_type: String },
    Broadcast,
}

/// The `data` of a record's notification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub user_id: String,
    pub from_uuid: String,
    /// The recipient.
    pub target_uuid: String,
    pub routing: Routing,
    pub payload: Value,
    pub job_id: String,
    pub message_id: String,
    /// 0 (emergency) to 7 (debug).
    pub priority: u8,
    /// Unix seconds.
    pub timestamp: f64,
    /// W3C Trace Context of the request that led to it, if that came with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

impl Record {
    /// The record as the JSON-RPC notification that its recipient gets.
    pub fn notification(&self) -> Value {
        let level = Priority::from_number(u64::from(self.priority)).unwrap_or_default().as_level();
        notification("notifications/message", json!({"level": level, "logger": LOGGER, "data": self}))
    }
}

/// The key in `_meta` of a job's notification under which the bus says who sent it. A client cannot write there.
pub const SENDER_KEY: &str = "blender-bus/sender";

/// The same text as `Record::notification`, of a record that is JSON already. `sender` is JSON too.
pub fn notification_text(priority: u8, record: &str, sender: Option<&str>) -> String {
    let level = Priority::from_number(u64::from(priority)).unwrap_or_default().as_level();
    let meta = sender.map_or_else(String::new, |sender| format!(r#","_meta":{{"{SENDER_KEY}":{sender}}}"#));
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"{level}","logger":"{LOGGER}","data":{record}{meta}}}}}"#
    )
}

/// A JSON-RPC notification.
pub fn notification(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": params})
}

#[cfg(test)]
mod tests {
    use super::{Record, Routing, SENDER_KEY, notification_text};
    use serde_json::json;

    #[test]
    fn a_record_reads_the_same_whichever_way_its_notification_was_made() {
        let record = Record {
            user_id: "ada".to_owned(),
            from_uuid: "server:ada".to_owned(),
            target_uuid: "b1".to_owned(),
            routing: Routing::Direct { target_uuid: "b1".to_owned() },
            payload: json!({"z": 1.5e300, "a": "\"\u{2028}"}),
            job_id: "j-1".to_owned(),
            message_id: "m-1".to_owned(),
            priority: 3,
            timestamp: 1_790_000_000.25,
            traceparent: None,
        };
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(notification_text(3, &text, None), record.notification().to_string());
        let mut with_sender = record.notification();
        with_sender["params"]["_meta"] = json!({SENDER_KEY: {"grant": "g"}});
        assert_eq!(notification_text(3, &text, Some(r#"{"grant":"g"}"#)), with_sender.to_string());
    }
}
