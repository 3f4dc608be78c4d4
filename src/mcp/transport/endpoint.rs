//! The MCP endpoint: HTTP methods, headers and body sizes.

use bus::wire::command::{Command, Reply};
use futures_util::{FutureExt, StreamExt};
use worker::web_sys::Response as RuntimeResponse;
use worker::{Context, Env, Headers, Method, Response, Result, console_error};

use crate::caller::Caller;
use crate::catalog::tools::Profile;
use crate::config::Config;
use crate::http::body::{NOT_ENCODED, is_encoded};
use crate::http::event_stream::bridge;
use crate::mcp::era::McpHeaders;
use crate::mcp::transport::accepts::Accepts;
use crate::mcp::transport::post::{Addressed, Post};
use crate::mcp::transport::respond::{SESSION_HEADER, answer_error, refuse};
use crate::mcp::wire::error::RpcError;
use crate::mcp::wire::message::{self, Body};
use crate::oauth::bearer::{self, Challenge};
use crate::objects::bus::{Bus, Opened};
use crate::origin;
use crate::request::Request;
use crate::site::Site;

/// The longest body of a request, in bytes.
const MAX_BODY: usize = 1024 * 1024;
/// How much of a too long body is read before the connection is closed, in bytes.
const MAX_DRAINED: usize = 4 * MAX_BODY;

/// Serves one HTTP request to `/`, `/mcp` or the path of a profile.
pub async fn serve(mut request: Request, env: Env, context: &Context, profile: Profile) -> Result<RuntimeResponse> {
    let config = Config::of(&env);
    let site = Site::of(&request, &config);
    let origin = match origin::check(&request, &site, &config) {
        Ok(origin) => origin,
        Err(error) => return refuse(403, &RpcError::Forbidden(error.to_string())).map(Into::into),
    };
    let response = match origin::preflight(&request)? {
        Some(response) => response.into(),
        None => {
            // Before the method is checked: a client that probes with GET must learn how to sign in.
            match bearer::authenticate(&request, &env, site).await {
                Ok(caller) if request.method() == Method::Post => {
                    let to = Addressed { profile, for_a_page: origin.is_some() };
                    post(&mut request, &env, context, caller, to).await?
                }
                Ok(caller) => serve_bodiless(&request, &env, &caller).boxed_local().await?.into(),
                Err(challenge) => challenge.response()?.into(),
            }
        }
    };
    if let Some(origin) = origin {
        origin::allow(&Headers(response.headers()), &origin, &origin::MCP)?;
    }
    Ok(response)
}

async fn serve_bodiless(request: &Request, env: &Env, caller: &Caller) -> Result<Response> {
    match request.method() {
        Method::Get if request.headers().has(SESSION_HEADER)? => open_stream(request, env, caller).await,
        Method::Delete => close_session(request, env, caller).await,
        _ => {
            let reason = "this endpoint takes POST; within a session, GET for its stream and DELETE to end it";
            let response = Response::error(reason, 405)?;
            response.headers().set("Allow", "GET, POST, DELETE, OPTIONS")?;
            Ok(response)
        }
    }
}

/// GET opens the event stream of a session.
async fn open_stream(request: &Request, env: &Env, caller: &Caller) -> Result<Response> {
    let header = |name: &str| request.headers().get(name).map(Option::unwrap_or_default);
    let last_event_id = request.headers().get("Last-Event-ID")?;
    if last_event_id.as_deref().is_some_and(|id| id.parse::<u64>().is_err()) {
        let reason = "Last-Event-ID must be an event id of this session's stream";
        return refuse(400, &RpcError::InvalidRequest(reason.to_owned()));
    }
    let opened = match Bus::of(env, caller) {
        Ok(bus) => bus.open_stream(caller, &header(SESSION_HEADER)?, last_event_id.as_deref()).await,
        Err(error) => Err(error),
    };
    match opened {
        Ok(Opened::Socket(socket)) => bridge(socket, None, None),
        Ok(Opened::Refused(Reply::Revoked)) => Challenge::invalid_token(request).response(),
        Ok(Opened::Refused(Reply::Rejected { message })) => refuse(429, &RpcError::TooMany(message)),
        Ok(Opened::Refused(_)) => refuse(404, &RpcError::NoSession),
        Err(error) => {
            console_error!("{error}");
            refuse(500, &RpcError::Internal(String::new()))
        }
    }
}

async fn post(
    request: &mut Request,
    env: &Env,
    context: &Context,
    caller: Caller,
    to: Addressed,
) -> Result<RuntimeResponse> {
    let accepts = Accepts::of(request.headers().get("Accept")?.as_deref());
    let body = match body_of(request, accepts).await? {
        ReadBody::Whole(body) => body,
        ReadBody::Refused { status, reason } => {
            return refuse(status, &RpcError::InvalidRequest(reason)).map(Into::into);
        }
    };
    let headers = mcp_headers(request)?;
    let parsed = message::parse(&body);
    let post = Post { request, env, context, caller, headers, accepts, to };
    match parsed {
        Err(unreadable) => answer_error(request, &unreadable.error, unreadable.id.as_ref(), false).map(Into::into),
        Ok(Body::One(message)) => post.answer(message).await,
        Ok(Body::Batch(batch)) => post.answer_batch(batch).boxed_local().await.map(Into::into),
    }
}

/// The body of a POST, or the reason to refuse it.
enum ReadBody {
    Whole(Vec<u8>),
    /// `status`: the HTTP status of the refusal.
    Refused {
        status: u16,
        reason: String,
    },
}

async fn body_of(request: &mut Request, accepts: Accepts) -> Result<ReadBody> {
    let refused = |status, reason: &str| Ok(ReadBody::Refused { status, reason: reason.to_owned() });
    if !has_json_body(request)? {
        return refused(415, "Content-Type must be application/json");
    }
    if is_encoded(request)? {
        return refused(415, NOT_ENCODED);
    }
    if !accepts.json && !accepts.stream {
        return refused(406, "Accept must admit application/json or text/event-stream");
    }
    match read_body(request).await? {
        Some(body) => Ok(ReadBody::Whole(body)),
        None => refused(413, &format!("the body has more than {MAX_BODY} bytes, the most that is accepted")),
    }
}

/// DELETE ends the session.
async fn close_session(request: &Request, env: &Env, caller: &Caller) -> Result<Response> {
    let Some(session_id) = request.headers().get(SESSION_HEADER)? else {
        return refuse(400, &RpcError::InvalidRequest(format!("{SESSION_HEADER} is missing")));
    };
    let reply = match Bus::of(env, caller) {
        Ok(bus) => bus.ask("", Some(&session_id), Command::CloseSession, &|_| {}).await,
        Err(error) => Err(error),
    };
    match reply {
        Ok(Reply::Done) => Ok(Response::empty()?.with_status(204)),
        Ok(Reply::Revoked) => Challenge::invalid_token(request).response(),
        Ok(_) => refuse(404, &RpcError::NoSession),
        Err(error) => {
            console_error!("{error}");
            refuse(500, &RpcError::Internal(String::new()))
        }
    }
}

fn has_json_body(request: &Request) -> Result<bool> {
    let content_type = request.headers().get("Content-Type")?.unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    Ok(essence.eq_ignore_ascii_case("application/json"))
}

/// The body, or `None` if it is longer than `MAX_BODY`. Up to `MAX_DRAINED` it is read to the end, since a client that
/// is still sending would see a broken connection instead of the error.
async fn read_body(request: &mut Request) -> Result<Option<Vec<u8>>> {
    let declared = request.headers().get("Content-Length")?.and_then(|length| length.parse::<usize>().ok());
    if declared.is_some_and(|length| length > MAX_DRAINED) {
        return Ok(None);
    }
    if !request.has_body() {
        return Ok(Some(Vec::new()));
    }
    if declared.is_some() {
        // The platform reads no more than the declared length.
        let body = request.bytes().await?;
        return Ok((body.len() <= MAX_BODY).then_some(body));
    }
    let mut body = Vec::new();
    let mut drained: usize = 0;
    let mut stream = request.stream()?;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        drained = drained.saturating_add(chunk.len());
        if drained > MAX_DRAINED {
            return Ok(None);
        }
        if drained <= MAX_BODY {
            body.extend_from_slice(&chunk);
        }
    }
    Ok((drained <= MAX_BODY).then_some(body))
}

fn mcp_headers(request: &Request) -> Result<McpHeaders> {
    let headers = request.headers();
    Ok(McpHeaders {
        protocol_version: headers.get("MCP-Protocol-Version")?,
        method: headers.get("Mcp-Method")?,
        name: headers.get("Mcp-Name")?,
        session_id: headers.get(SESSION_HEADER)?,
    })
}
