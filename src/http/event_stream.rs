//! Server-Sent Events: the response, its events, and the bridge from a WebSocket of the bus.

use core::pin::pin;
use core::time::Duration;

use futures_channel::mpsc::{UnboundedSender, unbounded};
use futures_util::future::{Either, select};
use futures_util::stream::{iter, unfold};
use futures_util::{Stream, StreamExt};
use objects::sockets::READ;
use worker::wasm_bindgen_futures::spawn_local;
use worker::{Delay, Error, Response, Result, WebSocket, WebsocketEvent, console_error, console_log};

/// An idle stream sends a comment this often. A client that has gone is noticed at the next comment.
const STREAM_COMMENT_EVERY: Duration = Duration::from_secs(14);

/// One chunk of a streamed body.
pub type Chunk = core::result::Result<Vec<u8>, Error>;

/// A message as an event. JSON text has no line breaks, so it is one `data` line.
pub fn event(message: &str) -> Vec<u8> {
    format!("event: message\ndata: {message}\n\n").into_bytes()
}

/// A response that sends the messages of a bus socket as events: `first` before them, `last` after them. It ends when
/// the bus closes the socket, and closes the socket when the client disconnects.
pub fn bridge(socket: WebSocket, first: Option<String>, last: Option<String>) -> Result<Response> {
    socket.accept()?;
    let (sender, receiver) = unbounded();
    spawn_local(forward(socket.clone(), sender));
    let frames = unfold((receiver, socket), |(mut receiver, socket)| async move {
        loop {
            let chunk = match select(receiver.next(), Delay::from(STREAM_COMMENT_EVERY)).await {
                // The client has taken whatever came before this, or nobody would ask for more here.
                Either::Left((Some(frame), _)) if frame == READ => {
                    if let Err(error) = socket.send_with_str(READ) {
                        console_log!("stream: {error}");
                    }
                    continue;
                }
                Either::Left((Some(frame), _)) => Ok(event_with_id(&frame)),
                Either::Left((None, _)) => return None,
                Either::Right(_) => comment(),
            };
            return Some((chunk, (receiver, socket)));
        }
    });
    let message = |message: Option<String>| iter(message.map(|message| Ok(event(&message))));
    event_stream(iter([comment()]).chain(message(first)).chain(frames).chain(message(last)))
}

/// Forwards frames until either side closes.
async fn forward(socket: WebSocket, sender: UnboundedSender<String>) {
    let events = match socket.events() {
        Ok(events) => events,
        Err(error) => return console_error!("stream: {error}"),
    };
    let mut events = pin!(events);
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

/// An event from a frame of the bus, `<event id>\n<message>`. The id may be empty.
fn event_with_id(frame: &str) -> Vec<u8> {
    let (id, message) = frame.split_once('\n').unwrap_or(("", frame));
    if id.is_empty() {
        return event(message);
    }
    format!("event: message\nid: {id}\ndata: {message}\n\n").into_bytes()
}

/// A `text/event-stream` response with these chunks as its body.
pub fn event_stream(events: impl Stream<Item = Chunk> + 'static) -> Result<Response> {
    let response = Response::from_stream(events)?;
    let headers = response.headers();
    headers.set("Content-Type", "text/event-stream")?;
    headers.set("Cache-Control", "no-cache, no-transform")?;
    headers.set("X-Accel-Buffering", "no")?;
    Ok(response)
}

/// A comment, which clients ignore. It keeps the connection alive.
pub fn comment() -> Chunk {
    Ok(b": waiting\n\n".to_vec())
}
