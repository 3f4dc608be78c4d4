//! From a request to its handler.

use futures_util::FutureExt;
use kernel::scopes::Scopes;
use serde_json::json;
use worker::web_sys::Response as RuntimeResponse;
use worker::{Context, Env, Method, Response, Result, console_error};

use crate::catalog::tools::Profile;
use crate::config::Config;
use crate::http::error::{Code, Error};
use crate::http::{cors, headers, limits};
use crate::oauth::{self, bearer};
use crate::objects::bus::Bus;
use crate::request::Request;
use crate::routes::{self, Endpoint, Route};
use crate::site::Site;
use crate::{files, mcp, monitoring, origin, web};

/// Serves one request.
pub async fn route(request: Request, env: Env, context: Context) -> Result<RuntimeResponse> {
    let config = Config::of(&env);
    let is_https = Site::of(&request, &config).is_ok_and(|site| site.is_https());
    let counting = config.metrics_token.is_some().then(|| env.clone());
    let response = answer(request, env, &context).await?;
    if let Some(env) = counting {
        monitoring::count(response.status(), &env, &context);
    }
    Ok(headers::secure(response, is_https))
}

/// Each handler is boxed, so that it stays a function of its own: the runtime compiles a function when it is first called, and all
/// in one would be compiled for any of them.
async fn answer(mut request: Request, env: Env, context: &Context) -> Result<RuntimeResponse> {
    let Some(route) = routes::find(&request.path()) else {
        return not_found(wants_page(&request)?).map(Into::into);
    };
    let response = match route.endpoint {
        Endpoint::McpOrHome if wants_page(&request)? => {
            let home = web::home(&request, &env).boxed_local().await;
            web::or_refusal(home, &request, &env)
        }
        Endpoint::McpOrHome => return mcp::serve(request, env, context, Profile::Full).boxed_local().await,
        Endpoint::Mcp(profile) => return mcp::serve(request, env, context, profile).boxed_local().await,
        // Its link says which tools it has.
        Endpoint::SharedMcp => return mcp::serve(request, env, context, Profile::Full).boxed_local().await,
        Endpoint::Socket => attach(request, env).boxed_local().await,
        Endpoint::Files => files::serve(request, env).boxed_local().await,
        Endpoint::Health => Response::from_json(&json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")})),
        Endpoint::Metrics => {
            let answer = match limits::check(&request, &env, route.limit).await {
                Ok(()) => monitoring::metrics(&request, &env).boxed_local().await,
                Err(error) => Err(error),
            };
            answer.or_else(Error::into_response)
        }
        Endpoint::OldTransport => gone(&request, &env),
        Endpoint::Program(_) if route.is_open && request.method() == Method::Options => cors::preflight(),
        Endpoint::Program(program) => {
            let answer = match admit(route, &request, &env).await {
                Ok(()) => oauth::serve(program, &mut request, &env).boxed_local().await,
                Err(error) => Err(error),
            };
            let response = answer.or_else(Error::into_response);
            if route.is_open { response.and_then(cors::allow) } else { response }
        }
        Endpoint::Page(page) => {
            let answer = match admit(route, &request, &env).await {
                Ok(()) => web::serve(page, &mut request, &env).boxed_local().await,
                Err(error) => Err(error),
            };
            web::or_refusal(answer, &request, &env)
        }
    };
    response.map(Into::into)
}

/// # Errors
/// 429 if the address has sent too many requests, 405 if the route does not allow the method.
async fn admit(route: &Route, request: &Request, env: &Env) -> core::result::Result<(), Error> {
    limits::check(request, env, route.limit).await?;
    let method = request.method();
    if route.methods.split(", ").any(|allowed| allowed == method.as_ref()) {
        return Ok(());
    }
    let description = format!("the method must be {}", route.methods);
    Err(Error::new(Code::MethodNotAllowed(route.methods), description))
}

/// Whether a browser asks for a page. MCP clients never accept HTML.
fn wants_page(request: &Request) -> Result<bool> {
    Ok(request.method() == Method::Get && request.headers().get("Accept")?.unwrap_or_default().contains("text/html"))
}

/// 404, as a page for a person.
fn not_found(to_a_person: bool) -> Result<Response> {
    if to_a_person { web::not_found() } else { Response::error("not found", 404) }
}

/// 410: what clients of the transport of 2024-11-05 get, so that their users learn the right URL.
fn gone(request: &Request, env: &Env) -> Result<Response> {
    let here = Site::of(request, &Config::of(env)).map(|site| site.here).unwrap_or_default();
    let words = format!(
        "The transport HTTP+SSE of 2024-11-05 is not served here. Use the URL {here}/mcp with the transport Streamable HTTP."
    );
    Response::error(words, 410)
}

/// `GET /ws`: a peer connects.
async fn attach(request: Request, env: Env) -> Result<Response> {
    let config = Config::of(&env);
    let site = Site::of(&request, &config);
    if let Err(error) = origin::check(&request, &site, &config) {
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
        worker::Error::RustError("internal error".to_owned())
    })
}
