//! The MCP endpoint as an HTTP resource: methods, headers, sizes, and which era a request belongs to.

use std::rc::Rc;

use bus_core::command::{Command, Reply};
use bus_core::ids;
use bus_core::trace::{Trace, traceparent};
use durable::runtime::WebCrypto;
use futures_util::StreamExt;
use serde_json::{Value, json};
use worker::{Context, Env, Method, Request, Response, Result, console_error};

use crate::bus::Bus;
use crate::config::Config;
use crate::mcp::era::{self, McpHeaders};
use crate::mcp::error::RpcError;
use crate::mcp::message::{self, Message};
use crate::mcp::methods::{self, Asked, Era};
use crate::mcp::{origin, sse, subscriptions};
use crate::oauth::Caller;
use crate::oauth::bearer::{self, Challenge};

/// The longest body of a request, in bytes.
const MAX_BODY: usize = 1024 * 1024;
/// How much is read of a body that is too long.
const MAX_DRAINED: usize = 4 * MAX_BODY;
/// The path that looks legacy, so that clients which would detect the modern revision open a session.
const LEGACY_PATH: &str = "/mcp";

const SESSION_HEADER: &str = "Mcp-Session-Id";

/// Serves one HTTP request to `/` or `/mcp`.
pub async fn serve(request: Request, env: Env, context: Context) -> Result<Response> {
    let origin = match origin::check(&request, &Config::of(&env)) {
        Ok(origin) => origin,
        Err(error) => return refuse(403, &error),
    };
    let response = match origin::preflight(&request)? {
        Some(response) => response,
        None => serve_allowed(request, env, context).await?,
    };
    if let Some(origin) = origin {
        origin::allow(response.headers(), &origin)?;
    }
    Ok(response)
}

async fn serve_allowed(mut request: Request, env: Env, context: Context) -> Result<Response> {
    // Before anything else, the method included: a client that probes with GET must learn how to sign in.
    let caller = match bearer::authenticate(&request, &env).await {
        Ok(caller) => caller,
        Err(challenge) => return challenge.response(),
    };
    match request.method() {
        Method::Post => post(&mut request, &env, &context, caller).await,
        Method::Get if request.headers().has(SESSION_HEADER)? => open_stream(&request, &env, &caller).await,
        Method::Delete => close_session(&request, &env, &caller).await,
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
        Ok(Ok(socket)) => sse::bridge(socket, None, None),
        Ok(Err(Reply::Revoked)) => Challenge::invalid_token(request).response(),
        Ok(Err(_)) => refuse(404, &RpcError::NoSession),
        Err(error) => {
            console_error!("{error}");
            refuse(500, &RpcError::Internal(String::new()))
        }
    }
}

async fn post(request: &mut Request, env: &Env, context: &Context, caller: Caller) -> Result<Response> {
    if !has_json_body(request)? {
        return refuse(415, &RpcError::InvalidRequest("Content-Type must be application/json".to_owned()));
    }
    if !accepts_answer(request)? {
        let reason = "Accept must admit application/json or text/event-stream";
        return refuse(406, &RpcError::InvalidRequest(reason.to_owned()));
    }
    let Some(body) = read_body(request).await? else {
        let reason = format!("the body has more than {MAX_BODY} bytes, the most that is taken");
        return refuse(413, &RpcError::InvalidRequest(reason));
    };
    let headers = mcp_headers(request)?;
    match message::parse(&body) {
        Err(unreadable) => answer_error(request, &unreadable.error, &unreadable.id, false),
        Ok(Message::Request(asked)) => answer(request, env, context, caller, &headers, asked).await,
        Ok(Message::Notification(notification)) => {
            note(env, context, &caller, &headers, &notification);
            Ok(Response::empty()?.with_status(202))
        }
        Ok(Message::Response) => Ok(Response::empty()?.with_status(202)),
    }
}

async fn answer(
    request: &Request,
    env: &Env,
    context: &Context,
    caller: Caller,
    headers: &McpHeaders,
    asked: message::Request,
) -> Result<Response> {
    let id = asked.id.clone();
    let modern = era::is_modern(headers, &asked);
    if asked.method == "server/discover" && (request.path() == LEGACY_PATH || !modern) {
        let error = RpcError::MethodNotFound { method: asked.method };
        return answer_error(request, &error, &id, true);
    }
    let era = if modern {
        match era::check_modern(headers, &asked) {
            Ok(client_name) => Era::Modern { client_name },
            Err(error) => return answer_error(request, &error, &id, true),
        }
    } else {
        Era::Legacy { session_id: headers.session_id.clone() }
    };
    let bus = match Bus::of(env, &caller) {
        Ok(bus) => Rc::new(bus.traced(trace_of(request, &asked)?)),
        Err(error) => return answer_error(request, &RpcError::Internal(error.to_string()), &id, modern),
    };
    let request_key = match &era {
        Era::Legacy { session_id } => request_key(session_id.as_deref().unwrap_or_default(), &id),
        Era::Modern { .. } => random_key()?,
    };
    // A legacy client that goes away may come back for its answer; a modern one has given up (Cancellation, 2026-07-28).
    let given_up = modern.then(|| Box::pin(give_up(Rc::clone(&bus), request_key.clone())) as sse::GivenUp);
    let (progress, reports) = sse::Progress::wanted(&asked).unzip();
    let asked = Asked { request: asked, era, caller, bus, env: env.clone(), request_key, progress };
    if modern && asked.request.method == "subscriptions/listen" {
        return match subscriptions::listen(&asked).await {
            Ok(listening) => sse::bridge(
                listening.socket,
                Some(listening.acknowledgement.to_string()),
                Some(listening.completion.to_string()),
            ),
            Err(error) => answer_error(request, &error, &id, modern),
        };
    }
    let form = sse::Form { id, modern, progress: reports, given_up };
    sse::race(methods::answer(asked), form, request, context).await
}

/// Under which key a session's request waits on the bus.
fn request_key(session_id: &str, id: &Value) -> String {
    format!("{session_id} {id}")
}

fn random_key() -> Result<String> {
    ids::random_id::<16>("r-", &mut WebCrypto).map_err(|error| worker::Error::RustError(error.to_string()))
}

/// The request's own id, the one of Cloudflare's logs where there is one, and the trace that the client says it is part of.
fn trace_of(request: &Request, asked: &message::Request) -> Result<Trace> {
    let request_id = match request.headers().get("CF-Ray")? {
        Some(ray) => ray,
        None => random_key()?,
    };
    let traceparent = asked.meta("traceparent").and_then(Value::as_str).and_then(traceparent);
    Ok(Trace { request_id, traceparent })
}

/// Tells the bus that nobody waits for a request any more.
async fn give_up(bus: Rc<Bus>, request_key: String) {
    let command = Command::CancelRequest { request_key };
    if let Err(error) = bus.ask("", None, command, None).await {
        console_error!("{error}");
    }
}

/// What a client notifies of: only that it gives up a request matters here. That is done even if the client is gone
/// before it has the answer, or its session ended: clients tend to give up and leave in one go.
fn note(env: &Env, context: &Context, caller: &Caller, headers: &McpHeaders, notification: &message::Notification) {
    let (Some(session_id), Some(id)) = (&headers.session_id, notification.params.get("requestId")) else { return };
    if notification.method != "notifications/cancelled" {
        return;
    }
    match Bus::of(env, caller) {
        Ok(bus) => context.wait_until(give_up(Rc::new(bus), request_key(session_id, id))),
        Err(error) => console_error!("{error}"),
    }
}

/// DELETE ends the session.
async fn close_session(request: &Request, env: &Env, caller: &Caller) -> Result<Response> {
    let Some(session_id) = request.headers().get(SESSION_HEADER)? else {
        return refuse(400, &RpcError::InvalidRequest(format!("{SESSION_HEADER} is missing")));
    };
    let asked = match Bus::of(env, caller) {
        Ok(bus) => bus.ask("", Some(&session_id), Command::CloseSession, None).await,
        Err(error) => Err(error),
    };
    match asked {
        Ok(Reply::Done) => Ok(Response::empty()?.with_status(204)),
        Ok(Reply::Revoked) => Challenge::invalid_token(request).response(),
        Ok(_) => refuse(404, &RpcError::NoSession),
        Err(error) => {
            console_error!("{error}");
            refuse(500, &RpcError::Internal(String::new()))
        }
    }
}

/// A result or error as an HTTP response of its own.
pub fn respond(
    request: &Request,
    answered: &std::result::Result<methods::Answer, RpcError>,
    id: &Value,
    modern: bool,
) -> Result<Response> {
    match answered {
        Ok(answer) => {
            let response = Response::from_body(worker::ResponseBody::Body(answer.text(id, modern).into_bytes()))?;
            response.headers().set("Content-Type", "application/json")?;
            if let Some(session_id) = &answer.session_id {
                response.headers().set(SESSION_HEADER, session_id)?;
            }
            Ok(response)
        }
        Err(error) => answer_error(request, error, id, modern),
    }
}

fn answer_error(request: &Request, error: &RpcError, id: &Value, modern: bool) -> Result<Response> {
    match error {
        RpcError::Unauthenticated => return Challenge::invalid_token(request).response(),
        RpcError::InsufficientScope(scope) => return Challenge::insufficient_scope(request, *scope).response(),
        RpcError::Internal(reason) => console_error!("mcp: {reason}"),
        _ => {}
    }
    Ok(Response::from_json(&error.response(id))?.with_status(error.status(modern)))
}

/// Refuses a request whose message was not read.
fn refuse(status: u16, error: &RpcError) -> Result<Response> {
    Ok(Response::from_json(&error.response(&json!(null)))?.with_status(status))
}

fn has_json_body(request: &Request) -> Result<bool> {
    let content_type = request.headers().get("Content-Type")?.unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    Ok(essence.eq_ignore_ascii_case("application/json"))
}

fn accepts_answer(request: &Request) -> Result<bool> {
    let Some(accept) = request.headers().get("Accept")? else { return Ok(true) };
    let admitted = ["application/json", "text/event-stream", "application/*", "text/*", "*/*"];
    Ok(accept
        .split(',')
        .map(|range| range.split(';').next().unwrap_or_default().trim())
        .any(|range| range.is_empty() || admitted.iter().any(|known| known.eq_ignore_ascii_case(range))))
}

/// The body, or none if it is longer than `MAX_BODY`. What is a little longer is read to its end all the same: a client
/// that is still sending when the answer comes would see a broken connection instead.
async fn read_body(request: &mut Request) -> Result<Option<Vec<u8>>> {
    let declared = request.headers().get("Content-Length")?.and_then(|length| length.parse::<usize>().ok());
    if declared.is_some_and(|length| length > MAX_DRAINED) {
        return Ok(None);
    }
    if request.inner().body().is_none() {
        return Ok(Some(Vec::new()));
    }
    if declared.is_some() {
        // The platform reads no more than was declared.
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
