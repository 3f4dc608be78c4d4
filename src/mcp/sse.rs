//! Quick answers are plain JSON, slow ones a stream of Server-Sent Events: its headers go out at once and a comment now and
//! then, so that no client, proxy or read timeout takes a working Blender for a dead server.

use core::future::Future;
use core::pin::Pin;
use core::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::unfold;
use serde_json::Value;
use worker::{Delay, Error, Request, Response, Result, console_error};

use crate::mcp::endpoint::respond;
use crate::mcp::error::RpcError;
use crate::mcp::methods::Answer;

/// An answer within this time is plain JSON.
const QUICK: Duration = Duration::from_millis(250);
/// A comment goes out at least this often.
const COMMENT_EVERY: Duration = Duration::from_secs(10);

type Answered = core::result::Result<Answer, RpcError>;
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
    let response = Response::from_stream(events)?;
    let headers = response.headers();
    headers.set("Content-Type", "text/event-stream")?;
    headers.set("Cache-Control", "no-cache, no-transform")?;
    headers.set("X-Accel-Buffering", "no")?;
    Ok(response)
}

fn comment() -> core::result::Result<Vec<u8>, Error> {
    Ok(b": waiting for Blender\n\n".to_vec())
}

/// The response as the stream's one event. JSON text has no line breaks, so it is one `data` line.
fn event(answered: &Answered, id: &Value, modern: bool) -> core::result::Result<Vec<u8>, Error> {
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
