//! The edge of Blender Bus.

pub mod catalog;
mod config;
mod oauth;
mod pages;

use worker::{Context, Env, Request, Response, Result, event};

pub use durable::{Account, KeyRing, UserBus};

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    console_error_panic_hook::set_once();
    match request.path().as_str() {
        "/health" => Response::from_json(&serde_json::json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")})),
        "/" | "/mcp" => match oauth::bearer::authenticate(&request, &env).await {
            Ok(caller) => Response::from_json(&serde_json::json!({"user_id": caller.user_id})),
            Err(challenge) => challenge.response(),
        },
        _ => match oauth::route(request, env, context).await {
            Some(answer) => answer,
            None => Response::error("not found", 404),
        },
    }
}
