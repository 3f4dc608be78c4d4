//! The edge of Blender Bus.

pub mod catalog;

use worker::{Context, Env, Request, Response, Result, event};

pub use durable::UserBus;

#[event(fetch)]
async fn fetch(_req: Request, _env: Env, _ctx: Context) -> Result<Response> {
    Response::from_json(&serde_json::json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}
