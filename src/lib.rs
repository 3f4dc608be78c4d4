//! The edge of Blender Bus: MCP over HTTP, OAuth 2.1, web pages. It keeps no state; what must be kept is in the objects.

mod caller;
mod card;
pub mod catalog;
mod config;
mod http;
mod mcp;
mod oauth;
mod objects;
mod router;
mod routes;
mod seal;
mod site;
mod web;

use worker::web_sys::Response as RuntimeResponse;
use worker::{Context, Env, Request, Result, event};

pub use durable::{Account, DeviceSignIn, KeyRing, UserBus};

/// Once for each isolate.
#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
    durable::runtime::wake_by_promises();
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<RuntimeResponse> {
    router::route(request, env, context).await
}
