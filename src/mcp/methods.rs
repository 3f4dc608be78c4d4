//! JSON-RPC method -> answer.

use std::rc::Rc;
use std::sync::LazyLock;

use bus_core::bus_tools::Priority;
use bus_core::command::{Command, Frame, Line, Reply};
use bus_core::scopes::Scopes;
use futures_channel::mpsc::UnboundedSender;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use worker::Env;
use worker::web_sys::Response as RuntimeResponse;

use crate::bus::{Bus, Heard};
use crate::card::{full_server_info, server_info};
use crate::catalog;
use crate::mcp::era::{self, Client};
use crate::mcp::error::RpcError;
use crate::mcp::message::Request;
use crate::mcp::reports::Reports;
use crate::mcp::sse::Told;
use crate::mcp::{completion, prompts, resources, subscriptions, tasks, tools};
use crate::oauth::Caller;

/// How long a client may keep a catalog without asking again. A new one comes with a deploy.
const CATALOG_TTL_MS: u64 = 3_600_000;
const SERVER_INFO_KEY: &str = "io.modelcontextprotocol/serverInfo";
/// The `_meta` of a result that has none of its own, as JSON.
static META: LazyLock<String> = LazyLock::new(|| json!({SERVER_INFO_KEY: server_info()}).to_string());

const INSTRUCTIONS: &str = "Works in the user's own Blender, live. Start with blender_get_scene_info; \
blender_list_available_clients shows which Blenders are connected. Prefer the reading tools for questions and \
blender_execute_code for changes; look at the outcome with blender_get_viewport_screenshot. Every tool answers a status: \
on no_client, ambiguous_target or timeout follow its hint.";

pub enum Era {
    Modern { client: Client },
    Legacy { session_id: Option<String> },
}

/// A request with all it takes to answer it.
pub struct Asked {
    pub request: Request,
    pub era: Era,
    pub caller: Caller,
    pub bus: Rc<Bus>,
    pub env: Env,
    /// Under which the bus finds the request while it waits, so that it can be given up.
    pub request_key: String,
    /// What the client wants to hear before the answer.
    pub reports: Option<Reports>,
    /// Where it goes, and that the answer takes longer than a moment.
    pub told: UnboundedSender<Told>,
    /// The bus may write the response itself: nothing goes out with it or before it, and no page has to be let read it.
    pub alone: bool,
}

impl Asked {
    pub fn is_modern(&self) -> bool {
        matches!(self.era, Era::Modern { .. })
    }

    /// The client of a modern request.
    pub fn client(&self) -> Option<&Client> {
        match &self.era {
            Era::Modern { client } => Some(client),
            Era::Legacy { .. } => None,
        }
    }

    pub fn knows_tasks(&self) -> bool {
        self.client().is_some_and(|client| client.knows_tasks)
    }

    /// Asks the bus, in the name of the client and within its session.
    ///
    /// # Errors
    /// `RpcError` for what the bus refuses as a whole: a closed session, a revoked grant, a failure.
    pub async fn ask(&self, command: Command) -> Result<Reply, RpcError> {
        self.hear(command).await?.reply().map_err(|error| RpcError::Internal(error.to_string()))
    }

    /// The same for a command that may come with a frame.
    ///
    /// # Errors
    /// As `ask`.
    pub async fn hear(&self, command: Command) -> Result<Heard, RpcError> {
        let (client_name, session_id) = match &self.era {
            Era::Modern { client } => (client.name.as_str(), None),
            Era::Legacy { session_id } => ("", session_id.as_deref()),
        };
        let pass_on = |line: &Line| {
            let told = match line {
                Line::Slow => Some(Told::Slow),
                line => self.reports.as_ref().and_then(|reports| reports.of(line)).map(Told::Report),
            };
            // Fails when the client has gone; the answer is awaited all the same.
            let _ = told.map(|told| self.told.unbounded_send(told));
        };
        match self.bus.hear(client_name, session_id, command, &pass_on).await {
            Ok(Heard::Reply(Reply::NoSession)) => Err(RpcError::NoSession),
            Ok(Heard::Reply(Reply::Revoked)) => Err(RpcError::Unauthenticated),
            Ok(heard) => Ok(heard),
            Err(error) => Err(RpcError::Internal(error.to_string())),
        }
    }

    /// # Errors
    /// `RpcError::InsufficientScope` naming what the caller's token lacks.
    pub fn need(&self, scope: Scopes) -> Result<(), RpcError> {
        // Who may call every tool may read.
        let has = self.caller.scopes;
        let reads = scope == Scopes::BUS_READ && has.contains(Scopes::BUS_DISPATCH);
        if has.contains(scope) || reads { Ok(()) } else { Err(RpcError::InsufficientScope(scope)) }
    }
}

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
    fn of_list(key: &'static str, list: &'static RawValue) -> Self {
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

/// Answers one request.
pub async fn answer(asked: Asked) -> Result<Answer, RpcError> {
    if !asked.is_modern() {
        if let Some(answer) = answer_legacy(&asked).await? {
            return Ok(answer);
        }
    } else if asked.request.method == "server/discover" {
        return Ok(discovered(&asked.caller.audience));
    }
    asked.need(Scopes::BUS_READ)?;
    match asked.request.method.as_str() {
        "tools/list" => listed(&asked, "tools", catalog::tools::list()),
        "tools/call" => tools::call(&asked).await,
        "resources/list" => listed(&asked, "resources", catalog::resources::list()),
        "resources/templates/list" => listed(&asked, "resourceTemplates", catalog::resources::list_templates()),
        "resources/read" => resources::read(&asked).await,
        "prompts/list" => listed(&asked, "prompts", catalog::prompts::list()),
        "prompts/get" => prompts::get(&asked),
        "completion/complete" => completion::complete(&asked).await,
        "tasks/get" if asked.is_modern() => tasks::get(&asked).await,
        "tasks/update" if asked.is_modern() => tasks::update(&asked).await,
        "tasks/cancel" if asked.is_modern() => tasks::cancel(&asked).await,
        method => Err(RpcError::MethodNotFound { method: method.to_owned() }),
    }
}

/// What only sessions have. Every other request must belong to an open one.
async fn answer_legacy(asked: &Asked) -> Result<Option<Answer>, RpcError> {
    let method = asked.request.method.as_str();
    if method == "initialize" {
        return initialize(asked).await.map(Some);
    }
    let Era::Legacy { session_id: Some(_) } = &asked.era else {
        let reason = "Mcp-Session-Id is missing: send initialize first and repeat the id it returns, or send \
                      MCP-Protocol-Version 2026-07-28 with the _meta of that revision, which needs no session";
        return Err(RpcError::InvalidRequest(reason.to_owned()));
    };
    match method {
        "ping" => {
            asked.ask(Command::UseSession).await?;
            Ok(Some(Answer::default()))
        }
        "resources/subscribe" => {
            asked.need(Scopes::BUS_READ)?;
            subscriptions::subscribe(asked, true).await.map(Some)
        }
        "resources/unsubscribe" => subscriptions::subscribe(asked, false).await.map(Some),
        "logging/setLevel" => {
            let level = asked.request.text("level")?;
            if !Priority::LEVELS.contains(&level) {
                let expected = Priority::LEVELS.join(", ");
                return Err(RpcError::invalid_params(format!("params.level must be one of {expected}")));
            }
            asked.ask(Command::SetLogLevel { level: level.to_owned() }).await?;
            Ok(Some(Answer::default()))
        }
        // These ask the bus anyway, which sees to the session in the same hop.
        "tools/call" | "resources/read" => Ok(None),
        _ => {
            asked.ask(Command::UseSession).await?;
            Ok(None)
        }
    }
}

async fn initialize(asked: &Asked) -> Result<Answer, RpcError> {
    let version = era::negotiated(asked.request.text("protocolVersion")?);
    let client_name = era::client_name(asked.request.params.get("clientInfo"));
    let command = Command::OpenSession { protocol_version: version.to_owned(), client_name: client_name.clone() };
    let reply = asked.bus.ask(&client_name, None, command, &|_| {}).await;
    let session_id = match reply {
        Ok(Reply::Session { session_id, .. }) => session_id,
        Ok(Reply::Revoked) => return Err(RpcError::Unauthenticated),
        other => return Err(RpcError::Internal(format!("open session: {other:?}"))),
    };
    let mut answer = Answer::from(json!({
        "protocolVersion": version,
        "capabilities": capabilities(),
        "serverInfo": full_server_info(&asked.caller.audience),
        "instructions": INSTRUCTIONS,
    }));
    answer.session_id = Some(session_id);
    Ok(answer)
}

fn discovered(origin: &str) -> Answer {
    let mut capabilities = capabilities();
    if let Some(fields) = capabilities.as_object_mut() {
        fields.insert("extensions".to_owned(), json!({era::TASKS: {}}));
    }
    Answer::from(json!({
        "supportedVersions": era::SUPPORTED,
        "capabilities": capabilities,
        "instructions": INSTRUCTIONS,
        "_meta": {SERVER_INFO_KEY: full_server_info(origin)},
    }))
    .cached(Caching::Catalog)
}

fn capabilities() -> Value {
    json!({"tools": {}, "resources": {"subscribe": true}, "prompts": {}, "completions": {}, "logging": {}})
}

/// A whole catalog: they fit on one page, so a cursor is one that was not given out here.
fn listed(asked: &Asked, key: &'static str, list: &'static RawValue) -> Result<Answer, RpcError> {
    match asked.request.params.get("cursor") {
        None | Some(Value::Null) => Ok(Answer::of_list(key, list)),
        Some(_) => Err(RpcError::invalid_params("params.cursor is not one that this server gave out")),
    }
}
