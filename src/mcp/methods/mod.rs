//! The MCP methods, and `answer`, which calls the one that a request names.

mod account_tools;
mod completion;
mod dispatch;
mod file_tools;
mod prompts;
mod resources;
mod skills;
pub mod subscriptions;
mod tasks;
mod tool_outcome;
mod tools;
mod which_blender;
mod with_files;
use bus::wire::command::{Command, Reply};
use bus::wire::priority::Priority;
use bus::wire::rights;
use futures_util::FutureExt;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::card::full_server_info;
use crate::catalog;
use crate::catalog::app::{self, EXTENSION as UI};
use crate::catalog::skills::EXTENSION as SKILLS;
use crate::mcp::context::{Era, RequestContext};
use crate::mcp::era;
use crate::mcp::wire::answer::{Answer, Caching, SERVER_INFO_KEY};
use crate::mcp::wire::error::RpcError;

/// What holds for many tools is told here once, since a client pays for each listed word in every conversation.
const INSTRUCTIONS: &str = "Works in the user's own Blender, live. Start with blender_get_scene_info; \
blender_list_available_clients shows which Blenders are connected. \
For changes: look (blender_get_scene_tree), know (blender_search_api, for names you are not sure of), act \
(blender_execute_code), check (blender_render_views, blender_measure) and say what you saw. Skills (skill:// resources) \
teach how.\n\
Tools that run in a Blender take target_uuid (a uuid from blender_list_available_clients, or \"latest\" for the one that \
connected last; leave it out while only one is connected) and timeout_seconds (at most 3600; the job goes on after that and its \
result is kept). They answer {status, command, target_uuid, job_id, result, error}: result is JSON text or plain output, error is \
empty unless it failed. On status timeout follow the job with blender_job_status and blender_job_result; on no_client, \
ambiguous_target, unknown_target or disconnected follow the hint and candidates. With wait_if_busy=false they answer status busy \
(and running) while Blender works on something else. Times are Unix seconds.";

/// Answers a request.
///
/// # Errors
/// -32601 for an unknown method, and the errors of each method.
pub async fn answer(context: RequestContext) -> Result<Answer, RpcError> {
    context.need(rights::of_method(&context.request.method))?;
    if !context.is_modern() {
        if let Some(answer) = answer_legacy(&context).boxed_local().await? {
            return Ok(answer);
        }
    } else if context.request.method == "server/discover" {
        return Ok(discovered(&context.caller.audience));
    }
    // Boxed as in `router`, but for what is called most.
    match context.request.method.as_str() {
        "tools/list" => {
            let of_guest = context.caller.scopes.guest.map(catalog::tools::list_for);
            listed(&context, "tools", of_guest.unwrap_or_else(|| catalog::tools::list(context.profile)))
        }
        "tools/call" => tools::call(&context).await,
        "resources/list" => resources::list(&context).boxed_local().await,
        "resources/templates/list" => listed(&context, "resourceTemplates", catalog::resources::list_templates()),
        "resources/read" => resources::read(&context).boxed_local().await,
        "resources/directory/read" => skills::folder(&context),
        "skills/list" => listed(&context, "skills", catalog::skills::list()),
        "skills/get" => skills::get(&context),
        "prompts/list" => listed(&context, "prompts", catalog::prompts::list()),
        "prompts/get" => prompts::get(&context),
        "completion/complete" => completion::complete(&context).boxed_local().await,
        "tasks/get" if context.is_modern() => tasks::get(&context).boxed_local().await,
        "tasks/update" if context.is_modern() => tasks::update(&context).boxed_local().await,
        "tasks/cancel" if context.is_modern() => tasks::cancel(&context).boxed_local().await,
        method => Err(RpcError::MethodNotFound { method: method.to_owned() }),
    }
}

/// Answers the methods that only sessions have. Checks that any other request belongs to an open session.
async fn answer_legacy(context: &RequestContext) -> Result<Option<Answer>, RpcError> {
    let method = context.request.method.as_str();
    if method == "initialize" {
        return initialize(context).boxed_local().await.map(Some);
    }
    let Era::Legacy { session_id: Some(_) } = &context.era else {
        let reason = "Mcp-Session-Id is missing: send initialize first and repeat the id it returns, or send \
                      MCP-Protocol-Version 2026-07-28 with the _meta of that revision, which needs no session";
        return Err(RpcError::InvalidRequest(reason.to_owned()));
    };
    match method {
        "ping" => {
            context.ask(Command::UseSession).await?;
            Ok(Some(Answer::default()))
        }
        "resources/subscribe" => subscriptions::subscribe(context, true).boxed_local().await.map(Some),
        "resources/unsubscribe" => subscriptions::subscribe(context, false).boxed_local().await.map(Some),
        "logging/setLevel" => {
            let level = context.request.text("level")?;
            if !Priority::LEVELS.contains(&level) {
                let expected = Priority::LEVELS.join(", ");
                return Err(RpcError::invalid_params(format!("params.level must be one of {expected}")));
            }
            context.ask(Command::SetLogLevel { level: level.to_owned() }).await?;
            Ok(Some(Answer::default()))
        }
        // These call the bus anyway, which checks the session in the same hop.
        "tools/call" | "resources/read" => Ok(None),
        _ => {
            context.ask(Command::UseSession).await?;
            Ok(None)
        }
    }
}

async fn initialize(context: &RequestContext) -> Result<Answer, RpcError> {
    let version = era::negotiated(context.request.text("protocolVersion")?);
    let client_name = era::client_name(context.request.params.get("clientInfo"));
    let command = Command::OpenSession { protocol_version: version.to_owned(), client_name: client_name.clone() };
    let reply = context.bus.ask(&client_name, None, command, &|_| {}).await;
    let session_id = match reply {
        Ok(Reply::Session { session_id, .. }) => session_id,
        Ok(Reply::Revoked) => return Err(RpcError::Unauthenticated),
        other => return Err(RpcError::Internal(format!("open session: {other:?}"))),
    };
    let mut answer = Answer::from(json!({
        "protocolVersion": version,
        "capabilities": capabilities(&json!({SKILLS: skills::settings(), UI: app::settings()})),
        "serverInfo": full_server_info(&context.caller.audience),
        "instructions": INSTRUCTIONS,
    }));
    answer.session_id = Some(session_id);
    Ok(answer)
}

fn discovered(origin: &str) -> Answer {
    Answer::from(json!({
        "supportedVersions": era::SUPPORTED,
        "capabilities": capabilities(&json!({era::TASKS: {}, SKILLS: skills::settings(), UI: app::settings()})),
        "instructions": INSTRUCTIONS,
        "_meta": {SERVER_INFO_KEY: full_server_info(origin)},
    }))
    .cached(Caching::Catalog)
}

fn capabilities(extensions: &Value) -> Value {
    json!({
        "tools": {}, "resources": {"subscribe": true}, "prompts": {}, "completions": {}, "logging": {},
        "extensions": extensions,
    })
}

/// A whole catalog. All of them fit on one page, so no cursor is ever valid.
fn listed(context: &RequestContext, key: &'static str, list: &'static RawValue) -> Result<Answer, RpcError> {
    match context.request.params.get("cursor") {
        None | Some(Value::Null) => Ok(Answer::of_list(key, list)),
        Some(_) => Err(RpcError::invalid_params("params.cursor is not one that this server gave out")),
    }
}
