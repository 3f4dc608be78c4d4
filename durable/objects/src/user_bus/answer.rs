//! Answers the edge: with one document if that is ready soon, else with a stream of lines up to the reply.

use std::rc::Rc;

use bus::requests::job_news::{self, Told};
use bus::requests::job_tools;
use bus::requests::wait::{self, Outcome as Served, Verdict, Wait};
use bus::serve;
use bus::turn::error::Error as CoreError;
use bus::wire::command::{Command, Frame, Line, Reply, Request as BusRequest};
use bus::wire::tool_result;
use futures_channel::mpsc::{UnboundedSender, unbounded};
use futures_util::future::{Either, select};
use futures_util::stream::iter;
use futures_util::{FutureExt, StreamExt};
use runtime::calls::Outcome;
use runtime::now_ms;
use worker::wasm_bindgen_futures::spawn_local;
use worker::{Error, Response, Result};

use super::leaving::LOOK_EVERY_MS;
use super::{Bus, logged};

/// What an answer is, by its HTTP status.
pub mod status {
    /// The response to the client, in the frame that came with the request.
    pub const FINISHED: u16 = 200;
    /// A `Reply`.
    pub const REPLY: u16 = 203;
    /// A `Line` a line, the last of them the reply.
    pub const LINES: u16 = 206;
}

/// Where the lines of a streamed answer go.
type Lines = UnboundedSender<Line>;

impl Bus {
    /// Answers a request of the edge.
    pub(super) async fn answer(self: &Rc<Self>, mut request: BusRequest) -> Result<Outcome> {
        let (in_lines, frame) = match &mut request.command {
            Command::Dispatch { in_lines, frame, .. } => (*in_lines, frame.take()),
            _ => (false, None),
        };
        let (lines, mut said) = unbounded();
        let mut serving = Box::pin(Rc::clone(self).serve(request, in_lines, lines.clone()));
        let mut first = None;
        if !in_lines {
            match select(serving, said.next()).await {
                Either::Left((served, mut said)) => {
                    // Nothing more is waited for, so that the end of the channel need wake nobody.
                    let _nothing = (&mut said).now_or_never();
                    return document(served.map_err(|error| logged(&error))?, frame);
                }
                Either::Right((line, rest)) => (first, serving) = (line, rest),
            }
        }
        spawn_local(async move {
            match serving.await {
                // Fails if the edge no longer listens. The job goes on.
                Ok(reply) => drop(lines.unbounded_send(Line::Reply(reply))),
                // The stream ends without a reply, which the edge reports as a failure.
                Err(error) => drop(logged(&error)),
            }
        });
        let lines = iter(first).chain(said).map(|line| {
            let mut text = serde_json::to_vec(&line)?;
            text.push(b'\n');
            Ok::<_, Error>(text)
        });
        Ok(Outcome::Response(Response::from_stream(lines)?.with_status(status::LINES).into()))
    }

    /// Serves a request up to its reply. Sends a line once it is slow, and with `tells` also lines about the job's
    /// progress.
    async fn serve(
        self: Rc<Self>,
        request: BusRequest,
        tells: bool,
        lines: Lines,
    ) -> core::result::Result<Reply, CoreError> {
        let came_ms = now_ms();
        self.let_silent_go(came_ms).await;
        let user_id = request.user_id.clone();
        let request_key = match &request.command {
            Command::Dispatch { request_key, .. } => request_key.clone(),
            _ => None,
        };
        let given_up = match &request.command {
            Command::CancelRequest { request_key } => self.waits.subject_of(request_key),
            _ => None,
        };
        // Check the grant and cancel in one turn: the session of a client that gives up may be gone before a second
        // turn.
        let served = self.turn_at(came_ms, &user_id, |turn| {
            let outcome = serve::serve(turn, request)?;
            if let (Served::Reply(Reply::Done), Some(job_id)) = (&outcome, &given_up) {
                job_tools::cancel(turn, job_id)?;
            }
            Ok(outcome)
        });
        let answered = match served.await {
            Ok(Served::Reply(reply)) => Ok(reply),
            Ok(Served::Wait(wait)) => {
                let told = tells.then(Told::default);
                self.wait(&user_id, wait, request_key, (came_ms, told), &lines).await
            }
            Err(error) => Err(error),
        };
        match &answered {
            Ok(reply) => self.count_call(reply, came_ms),
            Err(_) => self.count_error(),
        }
        answered
    }

    /// Sleeps until what is waited for has come, or the time is up. `now_ms`: when the request came, in this same turn of the
    /// runtime; `told`: what has been told of the job, if that is wanted.
    async fn wait(
        &self,
        user_id: &str,
        mut wait: Wait,
        request_key: Option<String>,
        (mut now_ms, mut told): (i64, Option<Told>),
        lines: &Lines,
    ) -> core::result::Result<Reply, CoreError> {
        let mut ticket = self.waits.begin(&wait.subject, request_key);
        loop {
            let looked = self.turn_at(now_ms, user_id, |turn| {
                let news = match &mut told {
                    Some(told) => job_news::since(turn, &wait.subject, told)?,
                    None => Vec::new(),
                };
                Ok((news, wait::look(turn, &mut wait)?))
            });
            let (mut news, verdict) = looked.await?;
            if verdict == Verdict::Slow {
                news.push(Line::Slow);
            }
            for line in news {
                // Fails if the edge no longer listens.
                let _ = lines.unbounded_send(line);
            }
            match verdict {
                Verdict::Answer(reply) => return Ok(reply),
                Verdict::Slow => {}
                Verdict::Sleep { until_ms } => {
                    let until_ms = until_ms.min(now_ms.saturating_add(LOOK_EVERY_MS));
                    drop(select(ticket.poked.next(), self.sleepers.until(until_ms, now_ms)).await);
                    now_ms = runtime::now_ms();
                    self.let_silent_go(now_ms).await;
                }
            }
        }
    }
}

/// The response to a quick answer. An ambiguous target is returned as a reply, because the edge has to ask which
/// Blender is meant.
fn document(reply: Reply, frame: Option<Frame>) -> Result<Outcome> {
    match (reply, frame) {
        (Reply::Envelope { envelope }, Some(frame))
            if envelope.ambiguous().is_none() && !tool_result::is_about_files(&envelope) =>
        {
            let result = tool_result::of_envelope(*envelope)?.to_string();
            Ok(Outcome::Json(status::FINISHED, frame.around(&result)))
        }
        (reply, _) => Ok(Outcome::Json(status::REPLY, serde_json::to_string(&reply)?)),
    }
}
