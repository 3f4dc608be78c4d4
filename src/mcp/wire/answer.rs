//! The result of an MCP method, and the JSON-RPC response that carries it.

use std::sync::LazyLock;

use bus::wire::command::Frame;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use worker::console_error;
use worker::web_sys::Response as RuntimeResponse;

use crate::card::server_info;
use crate::mcp::wire::error::RpcError;
use crate::mcp::wire::event_size::{self, MAX_MESSAGE};
use crate::mcp::wire::id::Id;

/// How long a client may cache a catalog, in milliseconds. A catalog changes only with a deploy.
const CATALOG_TTL_MS: u64 = 3_600_000;
pub const SERVER_INFO_KEY: &str = "io.modelcontextprotocol/serverInfo";
/// The `_meta` of a result that has no other, as JSON.
static META: LazyLock<String> = LazyLock::new(|| json!({SERVER_INFO_KEY: server_info()}).to_string());

/// The result of a request.
#[derive(Debug, Default)]
pub struct Answer {
    fields: Map<String, Value>,
    /// A catalog's list instead of fields, serialized once per isolate.
    list: Option<(&'static str, &'static RawValue)>,
    /// The id of the session that `initialize` opened.
    pub session_id: Option<String>,
    /// The HTTP response that the bus has written (see `RequestContext::bus_may_write_response`).
    pub written: Option<RuntimeResponse>,
    caching: Option<Caching>,
    result_type: ResultType,
}

/// `resultType` of revision 2026-07-28.
#[derive(Debug, Clone, Copy, Default)]
pub enum ResultType {
    #[default]
    Complete,
    /// A question to the user; the client repeats the request with the answer.
    InputRequired,
    /// A task, whose result the client asks for later.
    Task,
}

impl ResultType {
    const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::InputRequired => "input_required",
            Self::Task => "task",
        }
    }
}

/// Caching hints of revision 2026-07-28.
#[derive(Debug, Clone, Copy)]
pub enum Caching {
    /// The same for every caller.
    Catalog,
    /// Only for this caller, and not to be reused.
    Private,
}

impl From<Value> for Answer {
    fn from(value: Value) -> Self {
        let fields = if let Value::Object(fields) = value { fields } else { Map::new() };
        Self { fields, ..Self::default() }
    }
}

impl Answer {
    pub fn of_list(key: &'static str, list: &'static RawValue) -> Self {
        Self { list: Some((key, list)), caching: Some(Caching::Catalog), ..Self::default() }
    }

    #[must_use]
    pub fn of_type(mut self, result_type: ResultType) -> Self {
        self.result_type = result_type;
        self
    }

    #[must_use]
    pub fn cached(mut self, caching: Caching) -> Self {
        self.caching = Some(caching);
        self
    }

    /// A response that the bus has written.
    pub fn of_bus(written: RuntimeResponse) -> Self {
        Self { written: Some(written), ..Self::default() }
    }

    /// The same, short enough to be sent as an event of a stream.
    fn fitting(&self) -> Self {
        let mut fields = self.fields.clone();
        event_size::fit(&mut fields);
        Self { fields, list: self.list, caching: self.caching, result_type: self.result_type, ..Self::default() }
    }

    /// The JSON-RPC response.
    pub fn text(&self, id: &Id, modern: bool) -> String {
        let result = match self.list {
            // The list is inserted as text: parsing it for every request would be most of the work.
            Some((key, list)) => format!("{{\"{key}\":{}}}", list.get()),
            None => Value::Object(self.fields.clone()).to_string(),
        };
        self.frame(id, modern).around(&result)
    }

    /// The response without its result. In revision 2026-07-28 it carries the result type, the server info and caching
    /// hints.
    pub fn frame(&self, id: &Id, modern: bool) -> Frame {
        let mut last = String::new();
        if modern {
            last = format!("\"resultType\":\"{}\"", self.result_type.name());
            if !self.fields.contains_key("_meta") {
                last.push_str(",\"_meta\":");
                last.push_str(&META);
            }
            if let Some(caching) = self.caching {
                let (ttl, scope) = match caching {
                    Caching::Catalog => (CATALOG_TTL_MS, "public"),
                    Caching::Private => (0, "private"),
                };
                last.push_str(&format!(",\"ttlMs\":{ttl},\"cacheScope\":\"{scope}\""));
            }
        }
        Frame { id: id.to_string(), last }
    }
}

/// A JSON-RPC response that is not serialized yet.
pub struct Response {
    /// `None` for an error about a message whose id could not be read.
    pub id: Option<Id>,
    pub modern: bool,
    pub outcome: Result<Answer, RpcError>,
}

impl Response {
    /// An answer's own text. Only errors have no id.
    fn answered(&self, answer: &Answer) -> String {
        self.id.as_ref().map_or_else(String::new, |id| answer.text(id, self.modern))
    }

    /// The response as the message of an event: cut where it would be too long for one.
    pub fn event_text(&self) -> String {
        let text = self.text();
        match &self.outcome {
            Ok(answer) if text.len() > MAX_MESSAGE => self.answered(&answer.fitting()),
            _ => text,
        }
    }

    pub fn text(&self) -> String {
        match &self.outcome {
            Ok(answer) => self.answered(answer),
            Err(error) => {
                if let RpcError::Internal(reason) | RpcError::StorageFull(reason) = error {
                    console_error!("mcp: {reason}");
                }
                error.response(self.id.as_ref().map(Id::as_json))
            }
        }
    }
}
