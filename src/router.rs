//! Method and path to handler.
use kernel::scopes::Scopes;
use serde_json::json;
use worker::web_sys::Response as RuntimeResponse;
use worker::{Context, Env, Error, Method, Request, Response, Result, console_error};

use crate::config::Config;
use crate::http::limits;
use crate::oauth::{self, bearer};
use crate::objects::bus::Bus;
use crate::site::Site;
use crate::web::dashboard::home;
use crate::web::{self, screens};
use crate::{card, mcp};

/// Serves one request.
pub async fn route(request: Request, env: Env, context: Context) -> Result<RuntimeResponse> {
    let response = match request.path().as_str() {
        "/" if wants_page(&request)? => home(&request, &env).await,
        "/" | "/mcp" => return mcp::serve(request, env, context).await,
        "/ws" => attach(request, env).await,
        "/health" => Response::from_json(&json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")})),
        "/.well-known/mcp/server-card.json" => oauth::metadata::serve(&request, &env, card::document),
        path => {
            let to_a_person = wants_page(&request)?;
            let is_page = web::is_page(path);
            page_or_endpoint(request, &env, is_page).await.unwrap_or_else(|| not_found(to_a_person))
        }
    };
    response.map(Into::into)
}

/// Answers what has a path of its own; nothing for any other path.
async fn page_or_endpoint(mut request: Request, env: &Env, is_page: bool) -> Option<Result<Response>> {
    if let Some(preflight) = oauth::preflight(&request) {
        return Some(preflight);
    }
    if let Err(error) = limits::check(&request, env).await {
        return Some(if is_page { screens::refusal(&error) } else { error.into_response() });
    }
    match oauth::route(&mut request, env).await {
        None => web::route(&mut request, env).await,
        answer => answer,
    }
}

/// A browser asks for HTML; MCP clients never do.
fn wants_page(request: &Request) -> Result<bool> {
    Ok(request.method() == Method::Get && request.headers().get("Accept")?.unwrap_or_default().contains("text/html"))
}

async fn home(request: &Request, env: &Env) -> Result<Response> {
    home::home(request, env).await.or_else(|error| screens::refusal(&error))
}

/// Says so, and to a person where to go from here.
fn not_found(to_a_person: bool) -> Result<Response> {
    if to_a_person { screens::not_found() } else { Response::error("not found", 404) }
}

/// `GET /ws`: a peer attaches.
async fn attach(request: Request, env: Env) -> Result<Response> {
    let config = Config::of(&env);
    let site = Site::of(&request, &config);
    if let Err(error) = mcp::origin::check(&request, &site, &config) {
        return Response::error(error.to_string(), 403);
    }
    let caller = match bearer::authenticate(&request, &env, site).await {
        Ok(caller) => caller,
        Err(challenge) => return challenge.response(),
    };
    if !caller.scopes.contains(Scopes::PEER) {
        return bearer::Challenge::insufficient_scope(&request, Scopes::PEER).response();
    }
    let header = |name: &str| request.headers().get(name).map(Option::unwrap_or_default);
    if !header("Upgrade")?.eq_ignore_ascii_case("websocket") {
        let response = Response::error("this address takes a WebSocket upgrade, subprotocol mcp", 426)?;
        response.headers().set("Upgrade", "websocket")?;
        return Ok(response);
    }
    let offered = header("Sec-WebSocket-Protocol")?;
    let subprotocol = offered.split(',').any(|protocol| protocol.trim() == "mcp");
    if !offered.is_empty() && !subprotocol {
        return Response::error("the subprotocol must be mcp", 400);
    }
    let opened = match Bus::of(&env, &caller) {
        Ok(bus) => bus.open_socket(&caller, subprotocol).await,
        Err(error) => Err(error),
    };
    opened.map_err(|error| {
        console_error!("{error}");
        Error::RustError("internal error".to_owned())
    })
}
