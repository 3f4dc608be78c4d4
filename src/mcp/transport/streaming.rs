//! Sends quick answers as JSON and slow ones as Server-Sent Events. A stream starts at once and sends comments while it
//! waits, so that no client, proxy or read timeout gives up on a Blender that is working.

use core::future::Future;
use core::pin::{Pin, pin};
use core::time::Duration;
use std::collections::VecDeque;

use futures_channel::mpsc::UnboundedReceiver;
use futures_channel::oneshot;
use futures_util::future::{Either, LocalBoxFuture, pending, select};
use futures_util::stream::{FuturesUnordered, unfold};
use futures_util::{FutureExt, StreamExt};
use worker::{Context, Delay, Response as HttpResponse, Result};

use crate::http::event_stream::{Chunk, comment, event, event_stream};
use crate::mcp::context::Interim;
use crate::mcp::transport::accepts::Accepts;
use crate::mcp::transport::respond::SESSION_HEADER;
use crate::mcp::wire::answer::Response;

/// A comment is sent at least this often. A client that has gone is noticed at the next one, well before its call would
/// become a task that nobody follows.
const COMMENT_EVERY: Duration = Duration::from_secs(4);
/// What to do when the client disconnects before it has its answer.
pub type OnAbandon = Pin<Box<dyn Future<Output = ()>>>;
/// The awaited answers: one, or those of a batch.
pub type Pending = FuturesUnordered<LocalBoxFuture<'static, Response>>;

/// How answers are delivered.
pub enum Delivery {
    /// All at once: they came soon, and without notifications.
    Whole(Vec<Response>),
    /// As a stream.
    Stream(HttpResponse),
}

/// Runs something when it is dropped, unless it was settled before.
struct OnDrop(Option<oneshot::Sender<()>>);

impl OnDrop {
    fn new(context: &Context, then: OnAbandon) -> Self {
        let (sender, settled) = oneshot::channel();
        context.wait_until(async move {
            if settled.await.is_err() {
                then.await;
            }
        });
        Self(Some(sender))
    }

    fn settle(mut self) {
        // Fails only if the request's context, which would run it, is gone.
        let _ = self.0.take().map(|sender| sender.send(()));
    }
}

/// Waits for all answers. When the bus reports that one is slow, or a notification comes first, the response becomes a
/// stream; unless the client takes only JSON, which then comes when all answers are there, without notifications.
pub async fn deliver(
    mut pending: Pending,
    mut interim: UnboundedReceiver<Interim>,
    accepts: Accepts,
    on_abandon: Option<OnAbandon>,
    context: &Context,
) -> Result<Delivery> {
    if !accepts.stream {
        return Ok(Delivery::Whole(pending.collect().await));
    }
    let (mut ready, mut events) = (Vec::new(), VecDeque::new());
    while !pending.is_empty() {
        match select(pending.next(), pin!(next(&mut interim))).await {
            Either::Left((Some(response), _)) => ready.push(response),
            Either::Right((Interim::Notification(report), _)) => events.push_back(report),
            Either::Left((None, _)) | Either::Right((Interim::Slow, _)) => break,
        }
    }
    events.extend(reports(&mut interim));
    // An error has an HTTP status of its own, which a stream cannot have.
    let is_error = ready.iter().any(|response: &Response| response.outcome.is_err());
    if pending.is_empty() && events.is_empty() && (accepts.json || is_error) {
        // Nothing more is waited for, so that the end of the channel need wake nobody.
        let _nothing = interim.next().now_or_never();
        return Ok(Delivery::Whole(ready));
    }
    events.extend(ready.iter().map(Response::event_text));
    let session_id = ready.iter().find_map(|response| response.outcome.as_ref().ok()?.session_id.clone());
    let opened = pending.is_empty();
    let watch = on_abandon.filter(|_| !opened).map(|on_abandon| OnDrop::new(context, on_abandon));
    let streamed = Streamed { pending, interim, events, watch, opened };
    let stream = event_stream(unfold(streamed, step))?;
    if let Some(session_id) = session_id {
        stream.headers().set(SESSION_HEADER, &session_id)?;
    }
    Ok(Delivery::Stream(stream))
}

/// The state of a stream of answers.
struct Streamed {
    pending: Pending,
    interim: UnboundedReceiver<Interim>,
    events: VecDeque<String>,
    watch: Option<OnDrop>,
    opened: bool,
}

/// The next chunk: a comment at the start and after each pause, notifications as they come, answers last.
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
    /// Waits until there is something to send (true) or it is time for a comment (false).
    async fn wait(&mut self) -> bool {
        let Self { pending, interim, events, watch, .. } = self;
        let answered = {
            let interim = pin!(next(interim));
            match select(pending.next(), select(interim, Delay::from(COMMENT_EVERY))).await {
                Either::Left((response, _)) => response,
                Either::Right((Either::Left((Interim::Notification(report), _)), _)) => {
                    events.push_back(report);
                    return true;
                }
                Either::Right((Either::Left((Interim::Slow, _)) | Either::Right(_), _)) => return false,
            }
        };
        // Notifications from before the answer are sent before it.
        events.extend(reports(interim));
        events.extend(answered.as_ref().map(Response::event_text));
        if pending.is_empty()
            && let Some(watch) = watch.take()
        {
            watch.settle();
        }
        true
    }
}

/// The next interim message; pending forever once there can be no more.
async fn next(interim: &mut UnboundedReceiver<Interim>) -> Interim {
    match interim.next().await {
        Some(interim) => interim,
        None => pending().await,
    }
}

/// The notifications that have arrived so far.
fn reports(interim: &mut UnboundedReceiver<Interim>) -> Vec<String> {
    let come = core::iter::from_fn(|| interim.try_recv().ok());
    come.filter_map(|interim| if let Interim::Notification(report) = interim { Some(report) } else { None }).collect()
}
