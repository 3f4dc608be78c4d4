//! The edge of Blender Bus: MCP over HTTP, OAuth 2.1 and web pages. It is stateless; all state is in the Durable
//! Objects.
//!
//! Layout, bottom up: `config`, `caller` and `catalog` know no other room; `site` is the server's own address and `origin` the pages that may use it; `http`
//! is shared by all endpoints; `routes` lists the paths; `objects` holds the stubs of the Durable Objects; `oauth`
//! serves programs, `web` people, `mcp` MCP clients, `files` whoever sends or gets bytes; `router` picks among them.

mod caller;
mod card;
pub mod catalog;
mod config;
mod file_store;
mod files;
mod http;
mod mcp;
mod monitoring;
mod oauth;
mod objects;
mod origin;
mod router;
mod routes;
mod seal;
mod site;
mod web;
use worker::web_sys::Response as RuntimeResponse;
use worker::{Context, Env, Request, Result, event};

pub use ::objects::{Account, DeviceSignIn, Files, KeyRing, Metrics, UserBus};

/// Runs once for each isolate.
#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
    runtime::wake_by_promises();
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<RuntimeResponse> {
    router::route(request, env, context).await
}
