//! The edge of Blender Bus.

pub mod catalog;
mod config;
mod oauth;
mod pages;

use worker::{Context, Env, Request, Response, Result, event};

pub use durable::{Account, KeyRing, UserBus};

#[event(fetch)]
async fn fetch(mut request: Request, env: Env, _context: Context) -> Result<Response> {
    console_error_panic_hook::set_once();
    if let Some(answer) = oauth::route(&mut request, &env).await {
        return answer;
    }
    match request.path().as_str() {
        "/health" => Response::from_json(&serde_json::json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")})),
        "/" | "/mcp" => match oauth::bearer::authenticate(&request, &env).await {
            Ok(caller) => Response::from_json(&serde_json::json!({"user_id": caller.user_id})),
            Err(error) => error.into_response(),
        },
        _ => Response::error("not found", 404),
    }
}
