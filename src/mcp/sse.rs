//! Quick answers are plain JSON, slow ones a stream of Server-Sent Events: its headers go out at once and a comment now and
//! then, so that no client, proxy or read timeout takes a working Blender for a dead server.

use core::future::Future;
use core::pin::Pin;
use core::time::Duration;

use futures_channel::mpsc::{UnboundedSender, unbounded};
use futures_util::future::{Either, select};
use futures_util::stream::unfold;
use futures_util::{Stream, StreamExt};
use serde_json::Value;
use worker::wasm_bindgen_futures::spawn_local;
use worker::{Delay, Error, Request, Response, Result, WebSocket, WebsocketEvent, console_error, console_log};

use crate::mcp::endpoint::respond;
use crate::mcp::error::RpcError;
use crate::mcp::methods::Answer;

/// An answer within this time is plain JSON.
const QUICK: Duration = Duration::from_millis(250);
/// A comment goes out at least this often.
const COMMENT_EVERY: Duration = Duration::from_secs(10);
/// The same on the stream of a session, which may be idle for hours. It is also how soon a client that has gone is missed.
const STREAM_COMMENT_EVERY: Duration = Duration::from_secs(14);

type Answered = core::result::Result<Answer, RpcError>;
type Chunk = core::result::Result<Vec<u8>, Error>;
type Pending = Pin<Box<dyn Future<Output = Answered>>>;

/// Answers with whatever form fits how long it takes.
pub async fn race(
    answer: impl Future<Output = Answered> + 'static,
    id: Value,
    modern: bool,
    request: &Request,
) -> Result<Response> {
    let answer: Pending = Box::pin(answer);
    match select(answer, Delay::from(QUICK)).await {
        Either::Left((answered, _)) => respond(request, &answered, &id, modern),
        Either::Right(((), answer)) => stream(answer, id, modern),
    }
}

enum Step {
    Opened(Pending),
    Waiting(Pending),
    Done,
}

fn stream(answer: Pending, id: Value, modern: bool) -> Result<Response> {
    let events = unfold(Step::Opened(answer), move |step| {
        let id = id.clone();
        async move {
            match step {
                Step::Opened(answer) => Some((comment(), Step::Waiting(answer))),
                Step::Waiting(answer) => Some(match select(answer, Delay::from(COMMENT_EVERY)).await {
                    Either::Left((answered, _)) => (event(&answered, &id, modern), Step::Done),
                    Either::Right(((), answer)) => (comment(), Step::Waiting(answer)),
                }),
                Step::Done => None,
            }
        }
    });
    event_stream(events)
}

/// The event stream of a session: what the bus sends over the socket, as events. It ends cleanly when the bus closes, and
/// closes the socket when the client has gone.
pub fn bridge(socket: WebSocket) -> Result<Response> {
    socket.accept()?;
    let (sender, receiver) = unbounded();
    spawn_local(forward(socket, sender));
    let events = unfold((receiver, true), |(mut receiver, opened)| async move {
        if opened {
            return Some((comment(), (receiver, false)));
        }
        match select(receiver.next(), Delay::from(STREAM_COMMENT_EVERY)).await {
            Either::Left((Some(frame), _)) => Some((Ok(numbered(&frame)), (receiver, false))),
            Either::Left((None, _)) => None,
            Either::Right(_) => Some((comment(), (receiver, false))),
        }
    });
    event_stream(events)
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

/// A frame of the bus, `<event id>\n<message>`, as an event. Without a message it only sets the id.
fn numbered(frame: &str) -> Vec<u8> {
    let (id, message) = frame.split_once('\n').unwrap_or(("", frame));
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

/// The response as the stream's one event. JSON text has no line breaks, so it is one `data` line.
fn event(answered: &Answered, id: &Value, modern: bool) -> Chunk {
    let text = match answered {
        Ok(answer) => answer.text(id, modern),
        Err(error) => {
            if let RpcError::Internal(reason) = error {
                console_error!("mcp: {reason}");
            }
            error.response(id).to_string()
        }
    };
    Ok(format!("event: message\ndata: {text}\n\n").into_bytes())
}
