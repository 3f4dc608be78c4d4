//! Calls of the tools for the caller's own account.

use account::access_tokens::{DEFAULT_DAYS, Listed};
use bus::wire::command::Command;
use bus::wire::rights;
use kernel::access::{Access, Bound};
use kernel::arguments::validate;
use kernel::scopes::Scopes;
use serde_json::{Map, Value, json};

use crate::catalog::tools::{AccountTool, CREATE_ACCESS_TOKEN, LIST_ACCESS_TOKENS};
use crate::mcp::context::RequestContext;
use crate::mcp::methods::tool_outcome::ToolOutcome;
use crate::mcp::wire::error::RpcError;
use crate::oauth::personal_tokens::agreement_page;
use crate::oauth::personal_tokens::{self, PersonalTokenError};

/// Answers a call of one of these tools.
///
/// # Errors
/// `RpcError` for a missing scope, a closed session, a revoked grant, or a failure of the server.
pub async fn call(context: &RequestContext, tool: &AccountTool, arguments: &Value) -> Result<ToolOutcome, RpcError> {
    let checked = match validate(tool.parameters, arguments) {
        Ok(checked) => checked,
        Err(error) => return Ok(ToolOutcome::Refused(error.to_string())),
    };
    context.need(rights::of_other_tool(tool.listing.annotations.read_only))?;
    // The bus checks that the session is open and the grant is not revoked.
    context.ask(Command::UseSession).await?;
    match answer(context, tool.listing.name, &checked).await {
        Ok(document) => Ok(ToolOutcome::Document(document)),
        Err(PersonalTokenError::Refused(reason)) => Ok(ToolOutcome::Refused(reason)),
        Err(error @ PersonalTokenError::NotApproved) => Ok(ToolOutcome::Refused(error.to_string())),
        Err(PersonalTokenError::Server(error)) => Err(RpcError::Internal(error.to_string())),
    }
}

async fn answer(
    context: &RequestContext,
    name: &str,
    arguments: &Map<String, Value>,
) -> Result<Value, PersonalTokenError> {
    let (account, by) = personal_tokens::account_of(&context.env, &context.caller)?;
    let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    match name {
        CREATE_ACCESS_TOKEN => {
            let scopes: Vec<&str> = match arguments.get("scopes") {
                Some(Value::Array(scopes)) => scopes.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            let days = arguments.get("expires_in_days").and_then(Value::as_i64).unwrap_or(DEFAULT_DAYS);
            let bound = Bound::typed(&text("only_blender"), &text("only_group"))
                .map_err(|error| PersonalTokenError::Refused(error.to_string()))?;
            let wanted = Access::new(Scopes::known(&scopes.join(" ")), bound);
            let new = personal_tokens::requested(&context.caller, text("name"), wanted, days);
            let page = agreement_page(&context.caller.audience, &context.caller.grant_id, &new);
            let (token, made) = personal_tokens::create(&account, by, new).await.map_err(|error| match error {
                PersonalTokenError::NotApproved => PersonalTokenError::Refused(format!(
                    "Nothing was made yet: the owner has to agree to this access token first. Ask them to open {page} in \
                     a browser and to agree there, then call this tool again with the same arguments within ten minutes."
                )),
                other => other,
            })?;
            Ok(json!({"status": "ok", "token": token, "access_token": listed(&made)}))
        }
        LIST_ACCESS_TOKENS => {
            let tokens = personal_tokens::list(&account, by).await?;
            Ok(json!({"status": "ok", "access_tokens": tokens.iter().map(listed).collect::<Vec<_>>()}))
        }
        _ => {
            let token_id = text("token_id");
            let found = personal_tokens::revoke(&account, by, token_id.clone()).await?;
            Ok(json!({"status": if found { "ok" } else { "not_found" }, "token_id": token_id}))
        }
    }
}

#[allow(clippy::cast_precision_loss)]
fn listed(token: &Listed) -> Value {
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let scopes: Vec<String> = token.scopes.set.to_string().split(' ').map(str::to_owned).collect();
    let bound = token.scopes.bound.as_ref();
    json!({
        "token_id": token.token_id,
        "name": token.name,
        "scopes": scopes,
        "only_blender": bound.and_then(Bound::blender),
        "only_group": bound.and_then(Bound::group),
        "created_at": seconds(token.created_ms),
        "expires_at": seconds(token.expires_ms),
        "last_used_at": token.last_used_ms.map(seconds),
    })
}
