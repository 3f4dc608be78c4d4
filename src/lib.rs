//! The edge of Blender Bus: MCP over HTTP, OAuth 2.1 and web pages. It is stateless; all state is in the Durable
//! Objects.
//!
//! Layout, bottom up: `config`, `caller`, `catalog` and `request` know no other room; `site` is the server's own address and `origin` the pages that may use it; `http`
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
mod request;
mod router;
mod routes;
mod seal;
mod site;
mod web;
use request::Request;
use runtime::calls::{self, Outcome, Ticket};
use wasm_bindgen::prelude::wasm_bindgen;
use worker::web_sys::Request as RuntimeRequest;
use worker::worker_sys::Context as RuntimeContext;
use worker::{Context, Env, Response, console_error, event};

pub use ::objects::{Account, DeviceSignIn, Files, KeyRing, Metrics, UserBus};

/// Runs once for each isolate.
#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
    runtime::wake_by_promises();
}

/// Serves a request: `scripts/entry.js` calls it. `head` and `body` are as `Request::new` takes them, `raw` is the runtime's own.
#[wasm_bindgen]
pub fn fetch(
    head: &str,
    body: Option<Vec<u8>>,
    raw: RuntimeRequest,
    env: Env,
    context: RuntimeContext,
    ticket: Ticket,
) {
    let request = Request::new(head, body, raw);
    calls::serve(ticket, async move {
        let routed = router::route(request, env, Context::new(context)).await;
        let response = routed.or_else(|error| {
            console_error!("{error}");
            Response::error("INTERNAL SERVER ERROR", 500).map(Into::into)
        });
        response.map(Outcome::Response)
    });
}
