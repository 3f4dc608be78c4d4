//! Quick answers are plain JSON, slow ones a stream of Server-Sent Events: its headers go out at once and a comment now and
//! then, so that no client, proxy or read timeout takes a working Blender for a dead server.

use core::future::Future;
use core::pin::{Pin, pin};
use core::time::Duration;

use std::collections::VecDeque;

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_channel::oneshot;
use futures_util::future::{Either, LocalBoxFuture, pending, select};
use futures_util::stream::{FuturesUnordered, iter, unfold};
use futures_util::{Stream, StreamExt};
use serde_json::Value;
use worker::wasm_bindgen_futures::spawn_local;
use worker::{
    Context, Delay, Error, Response as HttpResponse, Result, WebSocket, WebsocketEvent, console_error, console_log,
};

use crate::mcp::error::RpcError;
use crate::mcp::methods::Answer;

/// A comment goes out at least this often. It is also how soon a client that has gone is missed: well before its call would
/// become a task, which nobody would follow.
const COMMENT_EVERY: Duration = Duration::from_secs(4);
/// The same on the stream of a session, which may be idle for hours. It is also how soon a client that has gone is missed.
const STREAM_COMMENT_EVERY: Duration = Duration::from_secs(14);

/// What came of a request.
pub type Answered = core::result::Result<Answer, RpcError>;
type Chunk = core::result::Result<Vec<u8>, Error>;
/// What is done when nobody waits any more.
pub type GivenUp = Pin<Box<dyn Future<Output = ()>>>;
/// Answers that are awaited: one, or those of a batch.
pub type Pending = FuturesUnordered<LocalBoxFuture<'static, Response>>;

/// What is told of a request before its answer.
pub enum Told {
    /// A notification for the client.
    Report(String),
    /// It takes longer than a moment.
    Slow,
}

/// A response of JSON-RPC.
pub struct Response {
    pub id: Value,
    pub modern: bool,
    pub answered: Answered,
}

impl Response {
    pub fn text(&self) -> String {
        match &self.answered {
            Ok(answer) => answer.text(&self.id, self.modern),
            Err(error) => {
                if let RpcError::Internal(reason) = error {
                    console_error!("mcp: {reason}");
                }
                error.response(&self.id).to_string()
            }
        }
    }
}

/// How the answers came.
pub enum Raced {
    /// All of them soon, and there was nothing to hear before.
    Soon(Vec<Response>),
    /// As a stream.
    Streamed(HttpResponse),
}

/// Does something when it is dropped, unless it was settled before.
struct OnDrop(Option<oneshot::Sender<()>>);

impl OnDrop {
    fn new(context: &Context, then: GivenUp) -> Self {
        let (sender, settled) = oneshot::channel();
        context.wait_until(async move {
            if settled.await.is_err() {
                then.await;
            }
        });
        Self(Some(sender))
    }

    fn settle(mut self) {
        // Fails only when the request's own context is gone, and with it what would be done.
        let _ = self.0.take().map(|sender| sender.send(()));
    }
}

/// Waits for all answers until one of them is known to be slow; then, or if there is something to hear first, the answer
/// becomes a stream. It is the bus that says so, after a moment: all that takes long is what the bus waits for.
pub async fn race(
    mut pending: Pending,
    mut told: UnboundedReceiver<Told>,
    given_up: Option<GivenUp>,
    context: &Context,
) -> Result<Raced> {
    let (mut ready, mut events) = (Vec::new(), VecDeque::new());
    while !pending.is_empty() {
        match select(pending.next(), pin!(next(&mut told))).await {
            Either::Left((Some(response), _)) => ready.push(response),
            Either::Right((Told::Report(report), _)) => events.push_back(report),
            Either::Left((None, _)) | Either::Right((Told::Slow, _)) => break,
        }
    }
    events.extend(reports(&mut told));
    if pending.is_empty() && events.is_empty() {
        return Ok(Raced::Soon(ready));
    }
    events.extend(ready.iter().map(Response::text));
    let opened = pending.is_empty();
    let watch = given_up.filter(|_| !opened).map(|given_up| OnDrop::new(context, given_up));
    let streamed = Streamed { pending, told, events, watch, opened };
    Ok(Raced::Streamed(event_stream(unfold(streamed, step))?))
}

/// Answers that are streamed, and what is to go out before the rest.
struct Streamed {
    pending: Pending,
    told: UnboundedReceiver<Told>,
    events: VecDeque<String>,
    watch: Option<OnDrop>,
    opened: bool,
}

/// The next chunk of an answer's stream: a comment at once and now and then, reports as they come, answers at last.
async fn step(mut streamed: Streamed) -> Option<(Chunk, Streamed)> {
    if !streamed.opened {
        streamed.opened = true;
        return Some((comment(), streamed));
    }
    if streamed.events.is_empty() {
        if streamed.pending.is_empty() {
            return None;
        }
        if !streamed.wait().await {
            return Some((comment(), streamed));
        }
    }
    let message = streamed.events.pop_front()?;
    Some((Ok(event(&message)), streamed))
}

impl Streamed {
    /// Waits until there is something to send; says whether there is, or it is time for a comment.
    async fn wait(&mut self) -> bool {
        let Self { pending, told, events, watch, .. } = self;
        let answered = {
            let told = pin!(next(told));
            match select(pending.next(), select(told, Delay::from(COMMENT_EVERY))).await {
                Either::Left((response, _)) => response,
                Either::Right((Either::Left((Told::Report(report), _)), _)) => {
                    events.push_back(report);
                    return true;
                }
                Either::Right((Either::Left((Told::Slow, _)) | Either::Right(_), _)) => return false,
            }
        };
        // What was told before the answer goes out before it.
        events.extend(reports(told));
        events.extend(answered.as_ref().map(Response::text));
        if pending.is_empty()
            && let Some(watch) = watch.take()
        {
            watch.settle();
        }
        true
    }
}

/// What is told next; never comes once nobody tells any more.
async fn next(told: &mut UnboundedReceiver<Told>) -> Told {
    match told.next().await {
        Some(told) => told,
        None => pending().await,
    }
}

/// The reports that have come so far.
fn reports(told: &mut UnboundedReceiver<Told>) -> Vec<String> {
    let come = core::iter::from_fn(|| told.try_recv().ok());
    come.filter_map(|told| if let Told::Report(report) = told { Some(report) } else { None }).collect()
}

/// A message as an event. JSON text has no line breaks, so it is one `data` line.
fn event(message: &str) -> Vec<u8> {
    format!("event: message\ndata: {message}\n\n").into_bytes()
}

/// What the bus sends over a socket, as events, after a first message and before a last one. It ends cleanly when the bus
/// closes, and closes the socket when the client has gone.
pub fn bridge(socket: WebSocket, first: Option<String>, last: Option<String>) -> Result<HttpResponse> {
    socket.accept()?;
    let (sender, receiver) = unbounded();
    spawn_local(forward(socket, sender));
    let frames = unfold(receiver, |mut receiver| async move {
        match select(receiver.next(), Delay::from(STREAM_COMMENT_EVERY)).await {
            Either::Left((Some(frame), _)) => Some((Ok(numbered(&frame)), receiver)),
            Either::Left((None, _)) => None,
            Either::Right(_) => Some((comment(), receiver)),
        }
    });
    let message = |message: Option<String>| iter(message.map(|message| Ok(event(&message))));
    event_stream(iter([comment()]).chain(message(first)).chain(frames).chain(message(last)))
}

/// Passes frames on until either side has ended.
async fn forward(socket: WebSocket, sender: UnboundedSender<String>) {
    let events = match socket.events() {
        Ok(events) => events,
        Err(error) => return console_error!("stream: {error}"),
    };
    let mut events = core::pin::pin!(events);
    loop {
        match select(events.next(), Delay::from(STREAM_COMMENT_EVERY)).await {
            Either::Left((Some(Ok(WebsocketEvent::Message(message))), _)) => {
                if message.text().is_none_or(|frame| sender.unbounded_send(frame).is_err()) {
                    break;
                }
            }
            Either::Left(_) => break,
            Either::Right(_) if sender.is_closed() => break,
            Either::Right(_) => {}
        }
    }
    if let Err(error) = socket.close(Some(1000), Some("the stream has ended")) {
        console_log!("stream: {error}");
    }
}

/// A frame of the bus, `<event id>\n<message>`, as an event. Either part may be empty.
fn numbered(frame: &str) -> Vec<u8> {
    let (id, message) = frame.split_once('\n').unwrap_or(("", frame));
    if id.is_empty() {
        return event(message);
    }
    format!("event: message\nid: {id}\ndata: {message}\n\n").into_bytes()
}

fn event_stream(events: impl Stream<Item = Chunk> + 'static) -> Result<HttpResponse> {
    let response = HttpResponse::from_stream(events)?;
    let headers = response.headers();
    headers.set("Content-Type", "text/event-stream")?;
    headers.set("Cache-Control", "no-cache, no-transform")?;
    headers.set("X-Accel-Buffering", "no")?;
    Ok(response)
}

fn comment() -> Chunk {
    Ok(b": waiting\n\n".to_vec())
}
