//! POST requests: from one message or a batch to the HTTP response.

use std::collections::HashSet;
use std::rc::Rc;

use bus::wire::command::{Command, Reply};
use futures_channel::mpsc::{UnboundedSender, unbounded};
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};
use kernel::ids;
use kernel::trace::{Trace, traceparent};
use runtime::WebCrypto;
use serde_json::Value;
use worker::web_sys::Response as RuntimeResponse;
use worker::{Context, Env, Response as HttpResponse, Result, console_error};

use crate::caller::Caller;
use crate::catalog::tools::Profile;
use crate::http::event_stream::bridge;
use crate::mcp::context::{Era, Interim, RequestContext};
use crate::mcp::era::{self, McpHeaders};
use crate::mcp::methods::{self, subscriptions};
use crate::mcp::reports::Reports;
use crate::mcp::transport::accepts::Accepts;
use crate::mcp::transport::respond::{SESSION_HEADER, answer_error, json_text};
use crate::mcp::transport::streaming::{Delivery, OnAbandon, Pending, deliver};
use crate::mcp::wire::answer::{Answer, Response};
use crate::mcp::wire::error::RpcError;
use crate::mcp::wire::id::Id;
use crate::mcp::wire::message::{self, Message, Parsed};
use crate::objects::bus::Bus;
use crate::request::Request;

/// On every other path `server/discover` is unknown, so that clients which detect the revision open a session.
const DUAL_ERA_PATH: &str = "/";
/// The only revision that has batches.
const BATCHING: &str = "2025-03-26";

/// A POST whose body has been read.
pub struct Post<'a> {
    pub request: &'a Request,
    pub env: &'a Env,
    pub context: &'a Context,
    pub caller: Caller,
    pub headers: McpHeaders,
    pub accepts: Accepts,
    pub to: Addressed,
}

/// Where a request was sent, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Addressed {
    pub profile: Profile,
    /// The request came from a browser page, so the response needs CORS headers.
    pub for_a_page: bool,
}

impl Post<'_> {
    /// Answers one message.
    pub async fn answer(&self, message: Message) -> Result<RuntimeResponse> {
        match message {
            Message::Request(request) => return self.answer_request(request).await,
            Message::Notification(notification) => self.note(&notification),
            Message::Response => {}
        }
        Ok(HttpResponse::empty()?.with_status(202).into())
    }

    async fn answer_request(&self, message: message::Request) -> Result<RuntimeResponse> {
        let id = message.id.clone();
        let modern = era::is_modern(&self.headers, &message);
        let (tell, interim) = unbounded();
        // The first of them lives on: to drop the last one would wake the task that is at work here anyway.
        let context = match self.context_of(message, modern, tell.clone()) {
            Ok(context) => {
                // The bus writes JSON.
                let as_json = !self.to.for_a_page && self.accepts.json && context.reports.is_none();
                RequestContext { bus_may_write_response: as_json, ..context }
            }
            Err(error) => return answer_error(self.request, &error, Some(&id), modern).map(Into::into),
        };
        if modern && context.request.method == "subscriptions/listen" {
            if !self.accepts.stream {
                let error = RpcError::NotAcceptable { method: context.request.method };
                return answer_error(self.request, &error, Some(&id), modern).map(Into::into);
            }
            let listening = match subscriptions::listen(&context).boxed_local().await {
                Ok(listening) => bridge(listening.socket, Some(listening.acknowledgement), Some(listening.completion)),
                Err(error) => answer_error(self.request, &error, Some(&id), modern),
            };
            return listening.map(Into::into);
        }
        // A legacy client that disconnects may return for its answer; a modern one has cancelled (2026-07-28,
        // "Cancellation").
        let (bus, key) = (Rc::clone(&context.bus), context.request_key.clone());
        let on_abandon = modern.then(|| Box::pin(give_up(bus, key)) as OnAbandon);
        let pending = Pending::from_iter([answered(context, modern)]);
        match deliver(pending, interim, self.accepts, on_abandon, self.context).await? {
            Delivery::Stream(stream) => Ok(stream.into()),
            Delivery::Whole(responses) => match responses.into_iter().next() {
                Some(Response { outcome: Ok(Answer { written: Some(written), .. }), .. }) => Ok(written),
                Some(response) => self.respond(&response),
                None => Err(worker::Error::RustError("an answer was lost".to_owned())),
            },
        }
    }

    /// Answers a batch: with one array if all answers come soon, else with a stream.
    pub async fn answer_batch(&self, batch: Vec<Parsed>) -> Result<HttpResponse> {
        if let Err(error) = self.may_batch().await {
            return answer_error(self.request, &error, None, false);
        }
        let (tell, interim) = unbounded();
        let pending = Pending::new();
        let mut ids = HashSet::new();
        for parsed in batch {
            let (id, error) = match parsed {
                Ok(Message::Request(message)) => {
                    let id = message.id.clone();
                    match self.member(message, ids.insert(id.clone()), tell.clone()) {
                        Ok(context) => {
                            pending.push(answered(context, false));
                            continue;
                        }
                        Err(error) => (Some(id), error),
                    }
                }
                Ok(Message::Notification(notification)) => {
                    self.note(&notification);
                    continue;
                }
                Ok(Message::Response) => continue,
                Err(unreadable) => (unreadable.id, unreadable.error),
            };
            pending.push(ready(Response { id, modern: false, outcome: Err(error) }).boxed_local());
        }
        if pending.is_empty() {
            return Ok(HttpResponse::empty()?.with_status(202));
        }
        match deliver(pending, interim, self.accepts, None, self.context).await? {
            Delivery::Stream(stream) => Ok(stream),
            Delivery::Whole(responses) => {
                let texts: Vec<String> = responses.iter().map(Response::text).collect();
                json_text(format!("[{}]", texts.join(",")))
            }
        }
    }

    /// # Errors
    /// Unless the request belongs to a session of the only revision with batches.
    async fn may_batch(&self) -> Result<(), RpcError> {
        let refused = |speaks: &str| {
            let reason = format!("{speaks} has no batches: send one message a request; only {BATCHING} has them");
            Err(RpcError::InvalidRequest(reason))
        };
        let Some(session_id) = &self.headers.session_id else { return refused("a request without a session") };
        let bus = Bus::of(self.env, &self.caller).map_err(|error| RpcError::Internal(error.to_string()))?;
        match bus.ask("", Some(session_id), Command::UseSession, &|_| {}).await {
            Ok(Reply::Session { protocol_version, .. }) if protocol_version == BATCHING => Ok(()),
            Ok(Reply::Session { protocol_version, .. }) => refused(&format!("revision {protocol_version}")),
            Ok(Reply::NoSession) => Err(RpcError::NoSession),
            Ok(Reply::Revoked) => Err(RpcError::Unauthenticated),
            other => Err(RpcError::Internal(format!("use session: {other:?}"))),
        }
    }

    /// A request of a batch.
    fn member(
        &self,
        message: message::Request,
        new: bool,
        tell: UnboundedSender<Interim>,
    ) -> Result<RequestContext, RpcError> {
        if message.method == "initialize" {
            return Err(RpcError::InvalidRequest("initialize must not be part of a batch".to_owned()));
        }
        if !new {
            return Err(RpcError::InvalidRequest("another request of the batch has this id".to_owned()));
        }
        self.context_of(message, false, tell)
    }

    /// The request with everything needed to answer it.
    fn context_of(
        &self,
        message: message::Request,
        modern: bool,
        tell: UnboundedSender<Interim>,
    ) -> Result<RequestContext, RpcError> {
        if message.method == "server/discover" && (self.request.path() != DUAL_ERA_PATH || !modern) {
            return Err(RpcError::MethodNotFound { method: message.method });
        }
        let (era, request_key) = if modern {
            (Era::Modern { client: era::check_modern(&self.headers, &message)? }, random_key()?)
        } else {
            let session_id = self.headers.session_id.clone();
            let key = self.request_key(session_id.as_deref().unwrap_or_default(), &message.id);
            (Era::Legacy { session_id }, key)
        };
        let internal = |reason: String| RpcError::Internal(reason);
        let bus = Bus::of(self.env, &self.caller).map_err(|error| internal(error.to_string()))?;
        let bus = Rc::new(bus.traced(self.trace(&message).map_err(|error| internal(error.to_string()))?));
        let reports = Reports::wanted(&message, modern)?;
        let (caller, env) = (self.caller.clone(), self.env.clone());
        Ok(RequestContext {
            request: message,
            era,
            caller,
            bus,
            env,
            request_key,
            profile: self.to.profile,
            reports,
            interim: tell,
            takes_links: modern || self.headers.protocol_version.as_deref().is_some_and(era::has_links),
            bus_may_write_response: false,
        })
    }

    /// The id of the request, which is Cloudflare's if there is one, and the client's trace (`traceparent`).
    fn trace(&self, message: &message::Request) -> Result<Trace> {
        let request_id = match self.request.headers().get("CF-Ray")? {
            Some(ray) => ray,
            None => random_key().map_err(|error| worker::Error::RustError(error.to_string()))?,
        };
        let traceparent = message.meta("traceparent").and_then(Value::as_str).and_then(traceparent);
        Ok(Trace { request_id, traceparent })
    }

    /// Handles a notification. Only `notifications/cancelled` has an effect, also after the client has disconnected or
    /// ended its session, since clients often do both at once.
    fn note(&self, notification: &message::Notification) {
        let (Some(session_id), Some(id)) = (&self.headers.session_id, &notification.request_id) else {
            return;
        };
        if notification.method != "notifications/cancelled" {
            return;
        }
        match Bus::of(self.env, &self.caller) {
            Ok(bus) => self.context.wait_until(give_up(Rc::new(bus), self.request_key(session_id, id))),
            Err(error) => console_error!("{error}"),
        }
    }

    /// The key under which a request of a session waits on the bus: no other grant's cancellation finds it.
    fn request_key(&self, session_id: &str, id: &Id) -> String {
        format!("{} {session_id} {id}", self.caller.grant_id)
    }

    /// A result or error as an HTTP response.
    fn respond(&self, response: &Response) -> Result<RuntimeResponse> {
        match &response.outcome {
            Ok(answer) => {
                let http = json_text(response.text())?;
                if let Some(session_id) = &answer.session_id {
                    http.headers().set(SESSION_HEADER, session_id)?;
                }
                Ok(http.into())
            }
            Err(error) => answer_error(self.request, error, response.id.as_ref(), response.modern).map(Into::into),
        }
    }
}

fn answered(context: RequestContext, modern: bool) -> LocalBoxFuture<'static, Response> {
    let id = Some(context.request.id.clone());
    methods::answer(context).map(move |outcome| Response { id, modern, outcome }).boxed_local()
}

fn random_key() -> Result<String, RpcError> {
    ids::random_id::<16>("r-", &mut WebCrypto).map_err(|error| RpcError::Internal(error.to_string()))
}

/// Cancels a waiting request on the bus.
async fn give_up(bus: Rc<Bus>, request_key: String) {
    let command = Command::CancelRequest { request_key };
    if let Err(error) = bus.ask("", None, command, &|_| {}).await {
        console_error!("{error}");
    }
}
