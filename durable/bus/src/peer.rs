//! What a peer says over its WebSocket: MCP's JSON-RPC, one message a frame. docs/peer-protocol.md is the whole of it.

use kernel::text::cut;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::clients::arrival;
use crate::clients::registry::Via;
use crate::delivery::lifecycle::Reported;
use crate::delivery::{endings, lifecycle, post, proof, routing};
use crate::requests::{calls, questions};
use crate::rows::jobs;
use crate::rows::revocations::is_revoked;
use crate::turn::Turn;
use crate::turn::effect::Effect;
use crate::turn::error::Error;
use crate::turn::job::{BUSY_SINCE, State, WAITS};
use crate::turn::sender::Sender;
use crate::wire::command::Caller;
use crate::wire::record::Routing;
use crate::wire::tools::BusCall;
use crate::wire::{rights, tool_result};

/// A longer frame is parsed only far enough to find which job's result was too large. A result of `jobs::MAX_RESULT`
/// bytes fits even if every byte is escaped in JSON.
pub const MAX_PARSED: usize = 8 * 1024 * 1024;

/// The longest message of a progress report that is kept, in bytes; a longer one is cut.
const MAX_PROGRESS_MESSAGE: usize = 4096;

/// The MCP revision spoken over the socket.
const PROTOCOL_VERSION: &str = "2025-11-25";

/// The key in `_meta` of a progress notification by which a peer says that the job waits behind others.
const WAITS_KEY: &str = "blender-bus/waits";

/// The key there by which it says for how many seconds the job has kept it from everything else.
const BUSY_KEY: &str = "blender-bus/busy";
/// The longest time that counts, in seconds.
const MAX_BUSY: f64 = 86_400.0;

const PARSE_ERROR: i64 = -32700;

const INVALID_REQUEST: i64 = -32600;

const METHOD_NOT_FOUND: i64 = -32601;

/// The socket a frame came in by.
#[derive(Debug, Clone, Copy)]
pub struct Socket<'a> {
    pub socket_id: &'a str,
    /// Whose token it was opened with.
    pub caller: &'a Caller,
}

/// Whether a frame was understood. Too many malformed frames end the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    Understood,
    Malformed,
}

/// Serves one text frame.
pub fn receive(turn: &mut Turn<'_>, socket: Socket<'_>, text: &str) -> Result<Frame, Error> {
    // A socket that is being closed may still bring what was on its way.
    if is_revoked(turn, &socket.caller.grant_id)? {
        return Ok(Frame::Understood);
    }
    turn.act_for(socket.caller.clone());
    let name = turn.presence.bound_to(socket.socket_id).map(str::to_owned);
    turn.sender = Some(Sender::new(&socket.caller.grant_id, name.as_deref().unwrap_or_default()));
    if let Some(uuid) = name {
        proof::heard(turn, &uuid)?;
    }
    if text.len() > MAX_PARSED {
        return oversize(turn, socket, text);
    }
    let mut message = match serde_json::from_str::<Value>(text) {
        Ok(message) => message,
        Err(error) => {
            let reason = format!("the frame is not JSON: {error}");
            reply(turn, socket, error_reply(&Value::Null, PARSE_ERROR, &reason));
            return Ok(Frame::Malformed);
        }
    };
    let bound = turn.presence.bound_to(socket.socket_id).map(str::to_owned);
    let id = message.get("id").filter(|id| id.is_string() || id.is_number()).cloned();
    let params = message.get_mut("params").map(Value::take).unwrap_or_default();
    match (message.get("method").and_then(Value::as_str), id) {
        (Some(method), Some(id)) => {
            let (answer, attached) = answer(turn, socket, method, params, &id)?;
            reply(turn, socket, answer);
            if let Some(Attaching { uuid, still_has }) = attached {
                endings::pass_missed_cancels(turn, &uuid, &still_has)?;
                arrival::hand_over(turn, &uuid)?;
                if bound.as_ref() != Some(&uuid) {
                    post::hand_over(turn, &uuid)?;
                }
            }
        }
        (Some("notifications/progress"), None) => progress(turn, socket, &params)?,
        (Some("notifications/received"), None) => return received(turn, socket, bound.as_deref(), &params),
        (Some(_), None) => {}
        // A response. The bus sends no requests, so it is ignored.
        (None, Some(_)) if message.get("result").is_some() || message.get("error").is_some() => {}
        (None, id) => {
            let reason = "expected a JSON-RPC 2.0 request or notification: an object with \"method\"";
            reply(turn, socket, error_reply(&id.unwrap_or(Value::Null), INVALID_REQUEST, reason));
            return Ok(Frame::Malformed);
        }
    }
    Ok(Frame::Understood)
}

/// A client confirms the records it was sent.
fn received(turn: &mut Turn<'_>, socket: Socket<'_>, bound: Option<&str>, params: &Value) -> Result<Frame, Error> {
    let place = params.get("place").and_then(Value::as_str).unwrap_or_default();
    let Some(uuid) = bound else { return Ok(Frame::Understood) };
    if proof::confirmed(turn, uuid, place)? {
        return Ok(Frame::Understood);
    }
    let reason = "params.place must be the text of digits that came as \"blender-bus/place\" in _meta of a record";
    reply(turn, socket, error_reply(&Value::Null, INVALID_REQUEST, reason));
    Ok(Frame::Malformed)
}

/// The answer to a request, and the client that attached by it.
fn answer(
    turn: &mut Turn<'_>,
    socket: Socket<'_>,
    method: &str,
    mut params: Value,
    id: &Value,
) -> Result<(Value, Option<Attaching>), Error> {
    Ok(match method {
        "ping" | "logging/setLevel" => (result_reply(id, &json!({})), None),
        "initialize" => (result_reply(id, &initialized()), None),
        "tools/call" => {
            // Moved rather than copied, because a result may have a megabyte.
            let arguments = params.get_mut("arguments").map_or_else(|| json!({}), Value::take);
            let name = params.get("name").and_then(Value::as_str).unwrap_or_default();
            let (document, attached) = call_tool(turn, socket, name, &arguments)?;
            let result = match document {
                Ok(document) => {
                    let is_error = document.get("status").and_then(Value::as_str) == Some("error");
                    tool_result::of(document, is_error)
                }
                Err(reason) => tool_result::error(&reason),
            };
            (result_reply(id, &result), attached)
        }
        _ => {
            let reason = format!("method {method:?} is not served over this socket; peers call the bus tools");
            (error_reply(id, METHOD_NOT_FOUND, &reason), None)
        }
    })
}

/// A client that has just registered over a socket.
struct Attaching {
    uuid: String,
    /// Jobs that it says it still has.
    still_has: Vec<String>,
}

type Called = (Result<Value, String>, Option<Attaching>);

fn call_tool(turn: &mut Turn<'_>, socket: Socket<'_>, name: &str, arguments: &Value) -> Result<Called, Error> {
    let call = match BusCall::parse(name, arguments) {
        Ok(call) => call,
        Err(error) => return Ok((Err(error.to_string()), None)),
    };
    let bound = turn.presence.bound_to(socket.socket_id).map(str::to_owned);
    let right = rights::of_tool(name).over_socket;
    let own = match &call {
        BusCall::UnregisterClient(call) => bound.as_deref() == Some(&call.client_uuid),
        // Whose job an update is about, `messages` sees.
        BusCall::JobUpdate(_) => true,
        _ => false,
    };
    if !right.is_met(socket.caller.scopes.set, own) {
        return Ok((Err(format!("this token may not call {name}: it lacks the scope bus:dispatch")), None));
    }
    let attaches = match &call {
        BusCall::RegisterClient(call) => {
            Some(Attaching { uuid: call.client_uuid.clone(), still_has: call.open_jobs.clone().unwrap_or_default() })
        }
        _ => None,
    };
    let via = Via::Socket { socket_id: socket.socket_id, bound: bound.as_deref() };
    match calls::call_tool(turn, call, via) {
        Ok(document) => Ok((Ok(document), attaches)),
        Err(Error::Rejected(rejection)) => Ok((Err(rejection.to_string()), None)),
        Err(error) => Err(error),
    }
}

/// Progress of a job: the first report acknowledges it. Whoever sent the job hears of it, unless the bus did.
fn progress(turn: &mut Turn<'_>, socket: Socket<'_>, params: &Value) -> Result<(), Error> {
    let Some(uuid) = turn.presence.bound_to(socket.socket_id).map(str::to_owned) else { return Ok(()) };
    let Some(job_id) = params.get("progressToken").and_then(Value::as_str) else { return Ok(()) };
    let Some(job) = jobs::find(turn, job_id)?.filter(|job| job.target_uuid.as_ref() == Some(&uuid)) else {
        return Ok(());
    };
    if !job.state.is_open() {
        return Ok(());
    }
    let began = lifecycle::acknowledge(turn, &job)?;
    let percent = params.get("progress").cloned().unwrap_or(Value::Null);
    let message = params.get("message").and_then(Value::as_str).map(|message| cut(message, MAX_PROGRESS_MESSAGE));
    let asks = questions::is_asked(params) && !questions::is_answered_before(turn, &job)?;
    let waits = waits_for_others(params);
    let busy_ms = busy_ms(params);
    let shows = |field| job.progress.as_ref().is_some_and(|told| told.get(field).is_some());
    let told_before = questions::is_open(&job) || shows(WAITS) || shows(BUSY_SINCE);
    let tells = asks || waits || busy_ms.is_some() || told_before;
    // A first report without details is not written, unless it starts or ends a wait.
    if let Some(percent) = percent.as_f64().filter(|percent| *percent > 0.0 || tells || message.is_some()) {
        lifecycle::note_progress(turn, &job, Reported { percent, message, asks, waits, busy_ms })?;
    }
    if job.from_uuid == turn.server_uuid() || (percent.as_f64() == Some(0.0) && !began) {
        return Ok(());
    }
    // What is told while a job runs is news: past the limits it is left out, and the job's end is told all the same.
    match routing::admit(turn, 1) {
        Err(Error::Rejected(_)) => return Ok(()),
        admitted => admitted?,
    }
    let state = State::Running.name();
    let mut payload = json!({"kind": "progress", "job_id": job_id, "percent": percent, "job_state": state});
    if let (Some(fields), Some(message)) = (payload.as_object_mut(), message) {
        fields.insert("message".to_owned(), Value::from(message));
    }
    let routing = Routing::Direct { target_uuid: job.from_uuid.clone() };
    let record = lifecycle::report(turn, job_id, uuid, &job.from_uuid, routing, payload)?;
    post::deliver(turn, &record).map(|_| ())
}

/// Whether a progress notification says that its job waits behind others in its Blender.
fn waits_for_others(params: &Value) -> bool {
    params.get("_meta").and_then(|meta| meta.get(WAITS_KEY)).and_then(Value::as_bool) == Some(true)
}

/// For how long a job has kept its Blender from everything else, if a progress notification says so. Milliseconds.
fn busy_ms(params: &Value) -> Option<i64> {
    let seconds = params.get("_meta")?.get(BUSY_KEY)?.as_f64().filter(|seconds| (0.0..=MAX_BUSY).contains(seconds))?;
    // A day at the most.
    #[allow(clippy::cast_possible_truncation)]
    Some((seconds * 1_000.0) as i64)
}

/// The part of a frame that tells whose result it is. serde skips the rest.
#[derive(Deserialize)]
struct Outline {
    id: Option<Value>,
    params: Option<OutlineParams>,
}

#[derive(Deserialize)]
struct OutlineParams {
    arguments: Option<OutlineArguments>,
}

#[derive(Deserialize)]
struct OutlineArguments {
    job_id: Option<String>,
    #[serde(rename = "result")]
    _result: Option<IgnoredAny>,
}

/// A frame whose result is far too large: its job fails with the reason, so that its caller does not wait in vain.
fn oversize(turn: &mut Turn<'_>, socket: Socket<'_>, text: &str) -> Result<Frame, Error> {
    let outline = serde_json::from_str::<Outline>(text).ok();
    let id = outline.as_ref().and_then(|outline| outline.id.clone()).unwrap_or(Value::Null);
    let job_id = outline.and_then(|outline| outline.params?.arguments?.job_id);
    let reason = lifecycle::too_large(text.len());
    if let Some(job_id) = job_id {
        let bound = turn.presence.bound_to(socket.socket_id).map(str::to_owned);
        let job = jobs::find(turn, &job_id)?.filter(|job| job.target_uuid == bound && !job.state.is_final());
        if let Some(job) = job {
            lifecycle::end(turn, &job, State::Failed, "", &reason)?;
        }
    }
    reply(turn, socket, result_reply(&id, &tool_result::error(&reason)));
    Ok(Frame::Understood)
}

fn reply(turn: &mut Turn<'_>, socket: Socket<'_>, message: Value) {
    turn.effects.push(Effect::Send { socket_id: socket.socket_id.to_owned(), frame: kernel::json::text(&message) });
}

fn initialized() -> Value {
    json!({
        "protocolVersion": PROTOCOL_VERSION,
        "capabilities": {"tools": {}, "logging": {}},
        "serverInfo": {"name": "blender-bus", "version": env!("CARGO_PKG_VERSION")},
    })
}

fn result_reply(id: &Value, result: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": result})
}

fn error_reply(id: &Value, code: i64, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}
