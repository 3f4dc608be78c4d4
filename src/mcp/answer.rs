//! What a request is answered with: the result of a method, and the response that carries it.

use std::sync::LazyLock;

use bus_core::command::Frame;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use worker::console_error;
use worker::web_sys::Response as RuntimeResponse;

use crate::card::server_info;
use crate::mcp::error::RpcError;

/// How long a client may keep a catalog without asking again. A new one comes with a deploy.
const CATALOG_TTL_MS: u64 = 3_600_000;
pub const SERVER_INFO_KEY: &str = "io.modelcontextprotocol/serverInfo";
/// The `_meta` of a result that has none of its own, as JSON.
static META: LazyLock<String> = LazyLock::new(|| json!({SERVER_INFO_KEY: server_info()}).to_string());

/// The result of a request.
#[derive(Debug, Default)]
pub struct Answer {
    fields: Map<String, Value>,
    /// A catalog's list in place of fields, serialized once per isolate.
    list: Option<(&'static str, &'static RawValue)>,
    /// The session that was opened.
    pub session_id: Option<String>,
    /// The bus has written the response. Only of a request that is answered alone, which no stream ever carries.
    pub written: Option<RuntimeResponse>,
    caching: Option<Caching>,
    result_type: ResultType,
}

/// What kind of result it is, in revision 2026-07-28.
#[derive(Debug, Clone, Copy, Default)]
pub enum ResultType {
    #[default]
    Complete,
    /// A question, and the request is to come again with its answer.
    InputRequired,
    /// A task to follow.
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
    /// The same for everyone.
    Catalog,
    /// The caller's own, and stale at once.
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

    /// What the bus wrote for a request that is answered alone.
    pub fn of_bus(written: RuntimeResponse) -> Self {
        Self { written: Some(written), ..Self::default() }
    }

    /// The JSON-RPC response.
    pub fn text(&self, id: &Value, modern: bool) -> String {
        let result = match self.list {
            // The list goes in as the text it is: parsing it for every request would be most of the work.
            Some((key, list)) => format!("{{\"{key}\":{}}}", list.get()),
            None => Value::Object(self.fields.clone()).to_string(),
        };
        self.frame(id, modern).around(&result)
    }

    /// What the response says beside the result. Modern results say of what kind they are, who answers, and how long they
    /// are good.
    pub fn frame(&self, id: &Value, modern: bool) -> Frame {
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

/// A response of JSON-RPC.
pub struct Response {
    pub id: Value,
    pub modern: bool,
    pub outcome: Result<Answer, RpcError>,
}

impl Response {
    pub fn text(&self) -> String {
        match &self.outcome {
            Ok(answer) => answer.text(&self.id, self.modern),
            Err(error) => {
                if let RpcError::Internal(reason) = error {
                    console_error!("mcp: {reason}");
                }
                error.response(&self.id).to_string()
            }
        }
    }
}
