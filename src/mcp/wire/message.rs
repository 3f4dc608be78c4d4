//! Parsing of JSON-RPC 2.0 messages: one message in a body, or a batch.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::mcp::wire::error::RpcError;
use crate::mcp::wire::id::Id;

/// The most messages a batch may have.
pub const MAX_BATCH: usize = 32;

#[derive(Debug)]
pub enum Body {
    One(Message),
    /// Not empty, at most `MAX_BATCH`. Only sessions of revision 2025-03-26 have batches.
    Batch(Vec<Parsed>),
}

pub type Parsed = Result<Message, Box<Unreadable>>;

#[derive(Debug, PartialEq)]
pub enum Message {
    Request(Request),
    Notification(Notification),
    /// A response. It is ignored, since this server sends no requests.
    Response,
}

#[derive(Debug, PartialEq)]
pub struct Notification {
    pub method: String,
    pub params: Map<String, Value>,
    /// `params.requestId`, which names a request.
    pub request_id: Option<Id>,
}

#[derive(Debug, PartialEq)]
pub struct Request {
    pub id: Id,
    pub method: String,
    pub params: Map<String, Value>,
    /// `params._meta.progressToken`, which the notifications about the request repeat.
    pub progress_token: Option<Id>,
}

impl Request {
    pub fn meta(&self, key: &str) -> Option<&Value> {
        self.params.get("_meta")?.get(key)
    }

    /// A parameter that must be a string.
    ///
    /// # Errors
    /// `RpcError::InvalidParams` naming the parameter.
    pub fn text(&self, name: &str) -> Result<&str, RpcError> {
        self.params
            .get(name)
            .and_then(Value::as_str)
            .ok_or_else(|| RpcError::invalid_params(format!("params.{name} must be a string")))
    }
}

/// Why a body, or a member of a batch, is not a message.
#[derive(Debug)]
pub struct Unreadable {
    pub error: RpcError,
    /// The id for the error response, if it could be read.
    pub id: Option<Id>,
}

/// Parses a body.
///
/// # Errors
/// If the body is not JSON, not a message, or an empty or too long batch. Errors of single members are in the batch.
pub fn parse(body: &[u8]) -> Result<Body, Box<Unreadable>> {
    let unreadable = |reason: String| Box::new(Unreadable { error: RpcError::Parse(reason), id: None });
    let text = core::str::from_utf8(body).map_err(|error| unreadable(error.to_string()))?;
    // Some clients begin with a byte order mark, which is no part of the JSON (RFC 8259 section 8.1).
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))? {
        Value::Array(messages) if messages.is_empty() => Err(invalid("a batch must not be empty", None)),
        Value::Array(messages) if messages.len() > MAX_BATCH => {
            let reason = format!("the batch has {} messages; {MAX_BATCH} is the most that is accepted", messages.len());
            Err(invalid(&reason, None))
        }
        Value::Array(messages) => {
            let texts: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
            Ok(Body::Batch(messages.into_iter().zip(texts).map(|(value, text)| read(value, text.get())).collect()))
        }
        value => read(value, text).map(Body::One),
    }
}

fn invalid(reason: &str, id: Option<Id>) -> Box<Unreadable> {
    Box::new(Unreadable { error: RpcError::InvalidRequest(reason.to_owned()), id })
}

/// Reads one message. `text` is what the value was parsed from.
fn read(value: Value, text: &str) -> Parsed {
    let Value::Object(mut fields) = value else {
        return Err(invalid("expected a JSON-RPC 2.0 object", None));
    };
    let id = fields.remove("id").map(|id| Id::of(&id, text, &["id"]));
    let readable_id = id.clone().flatten();
    if fields.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(invalid("\"jsonrpc\" must be \"2.0\"", readable_id));
    }
    if !fields.contains_key("method") && (fields.contains_key("result") || fields.contains_key("error")) {
        return Ok(Message::Response);
    }
    let Some(Value::String(method)) = fields.remove("method") else {
        return Err(invalid("\"method\" must be a string", readable_id));
    };
    let params = match fields.remove("params") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(params)) => params,
        Some(_) => return Err(invalid("\"params\" must be an object", readable_id)),
    };
    let named = |value: Option<&Value>, path: &[&str]| value.and_then(|value| Id::of(value, text, path));
    match id {
        None => {
            let request_id = named(params.get("requestId"), &["params", "requestId"]);
            Ok(Message::Notification(Notification { method, params, request_id }))
        }
        Some(None) => Err(invalid("\"id\" must be a string or a number", None)),
        Some(Some(id)) => {
            let token = params.get("_meta").and_then(|meta| meta.get("progressToken"));
            let progress_token = named(token, &["params", "_meta", "progressToken"]);
            Ok(Message::Request(Request { id, method, params, progress_token }))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop_oneof};
    use proptest::{collection, prop_assert, prop_assert_eq, proptest};
    use serde_json::{Value, json};

    use super::{Body, Id, MAX_BATCH, Message, Notification, Parsed, Request};
    use crate::mcp::era::{McpHeaders, check_modern, is_modern};

    /// Reads a body that is no batch.
    fn parse(body: &[u8]) -> Parsed {
        match super::parse(body)? {
            Body::One(message) => Ok(message),
            Body::Batch(batch) => panic!("a batch: {batch:?}"),
        }
    }

    #[test]
    fn a_batch_is_bounded_and_its_messages_stand_or_fall_each_by_itself() {
        let body = br#"[{"jsonrpc":"2.0","id":1,"method":"ping"}, 3, {"jsonrpc":"2.0","method":"x"}, []]"#;
        let Body::Batch(batch) = super::parse(body).unwrap() else { panic!("not a batch") };
        let read: Vec<bool> = batch.iter().map(Result::is_ok).collect();
        assert_eq!(read, [true, false, true, false]);
        let many = Value::from(vec![json!({"jsonrpc": "2.0", "method": "x"}); MAX_BATCH + 1]);
        assert_eq!(super::parse(many.to_string().as_bytes()).unwrap_err().error.code(), -32600);
    }

    fn request(id: i64) -> Message {
        let (id, params) = (Id::number(id), serde_json::Map::new());
        Message::Request(Request { id, method: "ping".to_owned(), params, progress_token: None })
    }

    #[test]
    fn an_id_of_zero_is_an_id() {
        assert_eq!(parse(br#"{"jsonrpc":"2.0","id":0,"method":"ping"}"#).unwrap(), request(0));
    }

    #[test]
    fn a_message_without_an_id_is_a_notification() {
        let parsed = parse(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).unwrap();
        let method = "notifications/initialized".to_owned();
        assert_eq!(
            parsed,
            Message::Notification(Notification { method, params: serde_json::Map::new(), request_id: None })
        );
    }

    #[test]
    fn a_byte_order_mark_before_the_message_is_passed_over() {
        let body = "\u{feff}{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}";
        assert_eq!(parse(body.as_bytes()).unwrap(), request(7));
        assert_eq!(parse(format!("\u{feff}{body}").as_bytes()).unwrap_err().error.code(), -32700);
    }

    #[test]
    fn large_ids_and_tokens_are_kept_to_the_letter_also_in_a_batch() {
        let body = r#"[{"jsonrpc":"2.0","id":18446744073709551616,"method":"x","params":
            {"_meta":{"progressToken":98765432109876543210.0}}},
            {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":36893488147419103232}}]"#;
        let Body::Batch(batch) = super::parse(body.as_bytes()).unwrap() else { panic!("not a batch") };
        let [Ok(Message::Request(request)), Ok(Message::Notification(notification))] = &batch[..] else {
            panic!("{batch:?}")
        };
        assert_eq!(request.id.to_string(), "18446744073709551616");
        assert_eq!(request.progress_token.as_ref().unwrap().to_string(), "98765432109876543210.0");
        assert_eq!(notification.request_id.as_ref().unwrap().to_string(), "36893488147419103232");
    }

    #[test]
    fn what_is_wrong_is_named_and_answered_under_its_id() {
        let cases: &[(&[u8], i64, Value)] = &[
            (b"{", -32700, Value::Null),
            (b"\xff\xfe", -32700, Value::Null),
            (b"3", -32600, Value::Null),
            (b"[]", -32600, Value::Null),
            (br#"{"id":1,"method":"ping"}"#, -32600, json!(1)),
            (br#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600, Value::Null),
            (br#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, -32600, Value::Null),
            (br#"{"jsonrpc":"2.0","id":"a","method":7}"#, -32600, json!("a")),
            (br#"{"jsonrpc":"2.0","id":"a","method":"ping","params":[1]}"#, -32600, json!("a")),
        ];
        for (body, code, id) in cases {
            let unreadable = parse(body).unwrap_err();
            let read = unreadable.id.as_ref().map_or(Value::Null, Id::value);
            let answered = (unreadable.error.code(), &read);
            assert_eq!(answered, (*code, id), "{}", String::from_utf8_lossy(body));
        }
    }

    /// Any JSON, with a liking for the keys and values that messages are read by.
    fn anything() -> impl Strategy<Value = Value> {
        let known = ["2.0", "tools/call", "2026-07-28", "2025-11-25", "=?base64?!?="].map(Value::from);
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
            proptest::sample::select(known.to_vec()),
        ];
        let version = "io.modelcontextprotocol/protocolVersion";
        let capabilities = "io.modelcontextprotocol/clientCapabilities";
        let keys = ["jsonrpc", "id", "method", "params", "result", "_meta", "name", version, capabilities];
        leaf.prop_recursive(4, 32, 8, move |inner| {
            let key = proptest::sample::select(keys.to_vec()).prop_map(str::to_owned);
            prop_oneof![
                collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                collection::btree_map(key, inner, 0..9).prop_map(|fields| fields.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_an_error_of_json_rpc(body: Vec<u8>) {
            if let Err(unreadable) = super::parse(&body) {
                prop_assert!([-32700, -32600].contains(&unreadable.error.code()));
            }
        }

        #[test]
        fn any_json_is_answered_under_an_id_that_it_had(value in anything(), header in ".{0,12}") {
            let headers = McpHeaders { name: Some(header.clone()), protocol_version: Some(header), ..McpHeaders::default() };
            match super::parse(value.to_string().as_bytes()) {
                Ok(Body::One(Message::Request(request))) => {
                    prop_assert_eq!(Some(&request.id.value()), value.get("id"));
                    for headers in [headers, McpHeaders::default()] {
                        is_modern(&headers, &request);
                        if let Err(error) = check_modern(&headers, &request) {
                            prop_assert_eq!(error.status(true), 400);
                        }
                    }
                }
                Ok(_) => {}
                Err(unreadable) => {
                    prop_assert_eq!(unreadable.error.status(false), 400);
                    prop_assert!(unreadable.id.is_none_or(|id| Some(&id.value()) == value.get("id")));
                }
            }
        }
    }
}
