//! Quick answers are plain JSON, slow ones a stream of Server-Sent Events: its headers go out at once and a comment now and
//! then, so that no client, proxy or read timeout takes a working Blender for a dead server.

use core::future::Future;
use core::pin::Pin;
use core::time::Duration;

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_channel::oneshot;
use futures_util::future::{Either, pending, select};
use futures_util::stream::{iter, unfold};
use futures_util::{Stream, StreamExt};
use serde_json::{Value, json};
use worker::wasm_bindgen_futures::spawn_local;
use worker::{Context, Delay, Error, Request, Response, Result, WebSocket, WebsocketEvent, console_error, console_log};

use crate::mcp::endpoint::respond;
use crate::mcp::error::RpcError;
use crate::mcp::message;
use crate::mcp::methods::Answer;

/// An answer within this time is plain JSON.
const QUICK: Duration = Duration::from_millis(250);
/// A comment goes out at least this often.
const COMMENT_EVERY: Duration = Duration::from_secs(10);
/// The same on the stream of a session, which may be idle for hours. It is also how soon a client that has gone is missed.
const STREAM_COMMENT_EVERY: Duration = Duration::from_secs(14);

type Answered = core::result::Result<Answer, RpcError>;
type Chunk = core::result::Result<Vec<u8>, Error>;
/// What is done when nobody waits any more.
pub type GivenUp = Pin<Box<dyn Future<Output = ()>>>;
type Pending = Pin<Box<dyn Future<Output = Answered>>>;

/// How a request is to be answered.
pub struct Form {
    pub id: Value,
    pub modern: bool,
    pub progress: Option<Progress>,
    /// What to do when the client goes away before a streamed answer.
    pub given_up: Option<GivenUp>,
}

/// Progress of a request, for the client that asked for it.
pub struct Progress {
    token: Value,
    reports: UnboundedReceiver<Value>,
    /// The last percentage told: each report must be further than the one before.
    percent: f64,
}

impl Progress {
    /// Where reports go in, and where they come out, if the request has a `progressToken`.
    pub fn wanted(request: &message::Request) -> Option<(UnboundedSender<Value>, Self)> {
        let token = request.meta("progressToken").filter(|token| token.is_string() || token.is_number())?.clone();
        let (sender, reports) = unbounded();
        Some((sender, Self { token, reports, percent: 0.0 }))
    }

    /// The next report as a notification; never ends.
    async fn next(&mut self) -> String {
        loop {
            let Some(report) = self.reports.next().await else { return pending().await };
            let percent = report.get("percent").and_then(Value::as_f64).unwrap_or(0.0);
            if percent <= self.percent {
                continue;
            }
            self.percent = percent;
            let mut params = json!({"progressToken": self.token, "progress": percent, "total": 100});
            if let (Some(fields), Some(message)) =
                (params.as_object_mut(), report.get("message").filter(|m| m.is_string()))
            {
                fields.insert("message".to_owned(), message.clone());
            }
            return json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}).to_string();
        }
    }
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

/// Answers with whatever form fits how long it takes.
pub async fn race(
    answer: impl Future<Output = Answered> + 'static,
    mut form: Form,
    request: &Request,
    context: &Context,
) -> Result<Response> {
    let answer: Pending = Box::pin(answer);
    match select(answer, Delay::from(QUICK)).await {
        Either::Left((answered, _)) => respond(request, &answered, &form.id, form.modern),
        Either::Right(((), answer)) => {
            let watch = form.given_up.take().map(|given_up| OnDrop::new(context, given_up));
            event_stream(unfold(Some(Streamed { answer, form, watch, opened: false }), step))
        }
    }
}

/// An answer that is streamed and has not come yet.
struct Streamed {
    answer: Pending,
    form: Form,
    watch: Option<OnDrop>,
    opened: bool,
}

/// The next chunk of an answer's stream: a comment at once and now and then, progress as it comes, the answer at last.
async fn step(streamed: Option<Streamed>) -> Option<(Chunk, Option<Streamed>)> {
    let Streamed { answer, mut form, watch, opened } = streamed?;
    if !opened {
        return Some((comment(), Some(Streamed { answer, form, watch, opened: true })));
    }
    match news(answer, &mut form).await {
        News::Answered(answered) => {
            if let Some(watch) = watch {
                watch.settle();
            }
            Some((Ok(event(&answer_text(&answered, &form))), None))
        }
        News::Progress(report, answer) => Some((Ok(event(&report)), Some(Streamed { answer, form, watch, opened }))),
        News::Quiet(answer) => Some((comment(), Some(Streamed { answer, form, watch, opened }))),
    }
}

/// What came first while an answer was awaited.
enum News {
    Answered(Answered),
    Progress(String, Pending),
    Quiet(Pending),
}

async fn news(answer: Pending, form: &mut Form) -> News {
    let report = async {
        match &mut form.progress {
            Some(progress) => progress.next().await,
            None => pending().await,
        }
    };
    let report = core::pin::pin!(report);
    match select(answer, select(report, Delay::from(COMMENT_EVERY))).await {
        Either::Left((answered, _)) => News::Answered(answered),
        Either::Right((Either::Left((report, _)), answer)) => News::Progress(report, answer),
        Either::Right((Either::Right(_), answer)) => News::Quiet(answer),
    }
}

fn answer_text(answered: &Answered, form: &Form) -> String {
    match answered {
        Ok(answer) => answer.text(&form.id, form.modern),
        Err(error) => {
            if let RpcError::Internal(reason) = error {
                console_error!("mcp: {reason}");
            }
            error.response(&form.id).to_string()
        }
    }
}

/// A message as an event. JSON text has no line breaks, so it is one `data` line.
fn event(message: &str) -> Vec<u8> {
    format!("event: message\ndata: {message}\n\n").into_bytes()
}

/// What the bus sends over a socket, as events, after a first message and before a last one. It ends cleanly when the bus
/// closes, and closes the socket when the client has gone.
pub fn bridge(socket: WebSocket, first: Option<String>, last: Option<String>) -> Result<Response> {
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

fn event_stream(events: impl Stream<Item = Chunk> + 'static) -> Result<Response> {
    let response = Response::from_stream(events)?;
    let headers = response.headers();
    headers.set("Content-Type", "text/event-stream")?;
    headers.set("Cache-Control", "no-cache, no-transform")?;
    headers.set("X-Accel-Buffering", "no")?;
    Ok(response)
}

fn comment() -> Chunk {
    Ok(b": waiting\n\n".to_vec())
}
