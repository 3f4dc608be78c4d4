//! Method and path to handler.

use askama::Template;
use bus_core::scopes::Scopes;
use serde_json::json;
use worker::{Context, Env, Error, Method, Request, Response, Result, console_error};

use crate::bus::Bus;
use crate::card;
use crate::config::Config;
use crate::mcp;
use crate::oauth::browser;
use crate::oauth::{self, bearer};
use crate::pages::STYLE;
use crate::pages::home::Home;
use crate::site::Site;

/// Serves one request.
pub async fn route(request: Request, env: Env, context: Context) -> Result<Response> {
    match request.path().as_str() {
        "/" if wants_page(&request)? => home(&request, &env),
        "/" | "/mcp" => mcp::endpoint::serve(request, env, context).await,
        "/ws" => attach(request, env).await,
        "/health" => Response::from_json(&json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")})),
        "/.well-known/mcp/server-card.json" => oauth::metadata::serve(&request, &env, card::document),
        _ => match oauth::route(request, env, context).await {
            Some(response) => response,
            None => Response::error("not found", 404),
        },
    }
}

/// A browser asks for HTML; MCP clients never do.
fn wants_page(request: &Request) -> Result<bool> {
    let accept = request.headers().get("Accept")?.unwrap_or_default();
    Ok(request.method() == Method::Get && accept.contains("text/html"))
}

fn home(request: &Request, env: &Env) -> Result<Response> {
    let site = match Site::of(request, &Config::of(env)) {
        Ok(site) => site,
        Err(error) => return Response::error(error.to_string(), 400),
    };
    let page = Home {
        style: STYLE,
        endpoint: &format!("{}/mcp", site.here),
        server: &site.here,
        version: env!("CARGO_PKG_VERSION"),
    };
    let html = page.render().map_err(|error| Error::RustError(error.to_string()))?;
    let response = browser::page(200, Some(&site), None).map_err(|error| Error::RustError(error.to_string()))?;
    Ok(response.fixed(html.into_bytes()))
}

/// `GET /ws`: a peer attaches.
async fn attach(request: Request, env: Env) -> Result<Response> {
    if let Err(error) = mcp::origin::check(&request, &Config::of(&env)) {
        return Response::error(error.to_string(), 403);
    }
    let caller = match bearer::authenticate(&request, &env).await {
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
