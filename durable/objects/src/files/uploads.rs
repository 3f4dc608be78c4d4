//! Uploads: bytes from the body of a request into chunks.

use ::files::reading::{Found, find};
use ::files::refusal::{Error as CoreError, Kind, Refusal};
use ::files::rows::CHUNK;
use ::files::wire::{Ask, COMPLETED, Conditions, File, STANDING, Standing, Stream, Who};
use ::files::writing::{Ended, Sent, Writing};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use runtime::now_ms;
use worker::{Request, Response};

use super::Shelf;
use super::failure::Failure;
use super::streams::{Incoming, Read};

/// What is read and dropped of a body that is refused: a client that is still sending would see a broken connection instead of
/// the reason.
const DRAINED: usize = 32 * 1024 * 1024;

/// How often, and how many milliseconds apart, it is looked whether another request has completed an upload.
const SETTLE_TRIES: u32 = 100;
const SETTLE_MS: i64 = 100;

impl Shelf {
    pub(super) async fn upload(&self, request: &mut Request, file_id: &str, ask: &Ask) -> Result<Response, Failure> {
        let sent = match ask.stream {
            Stream::Patch { offset, length } => Sent::More { offset, length },
            Stream::Put { length } => Sent::Whole { length },
            Stream::Get(_) | Stream::Head(_) => return Err(CoreError::Broken("not an upload").into()),
        };
        let mut incoming = match request.inner().body() {
            Some(body) => Some(Incoming::of(&body, CHUNK, &self.sleepers, self.limits.stall_ms)?),
            None => None,
        };
        let received = self.receive(incoming.as_mut(), file_id, ask, sent).await;
        let armed = self.arm().await;
        match received {
            Ok(response) => armed.map(|()| response),
            Err(failure) => {
                if let Some(incoming) = &mut incoming {
                    drain(incoming, now_ms().saturating_add(self.limits.stall_ms)).await;
                }
                Err(failure)
            }
        }
    }

    async fn receive(
        &self,
        incoming: Option<&mut Incoming>,
        file_id: &str,
        ask: &Ask,
        sent: Sent,
    ) -> Result<Response, Failure> {
        let mut transfer = self.begin_transfer()?;
        transfer.writes(file_id)?;
        let place = self.stores.place();
        let begun = Writing::begin(&self.sql, &self.limits, place, (&ask.who, file_id), sent, now_ms());
        let mut writing = begun?;
        transfer.uses(writing.blob);
        if let Some(incoming) = incoming {
            self.read_all(incoming, &mut writing).await?;
        }
        let blob = writing.blob;
        let ended = writing.end(&self.sql, &self.limits, now_ms())?;
        if let Ended::Open { offset } = ended {
            return answer(None, Some(offset));
        }
        let file = self.finished(ended, file_id, blob).await?;
        self.tell(&ask.user_id, file_id);
        answer(file.as_ref(), None)
    }

    /// Completes an upload whose bytes have all come and whose request did not live to complete it: a client that asks how
    /// far it is would take it for done.
    pub(super) async fn settle(&self, file_id: &str, ask: &Ask) -> Result<(), Failure> {
        for _ in 0..SETTLE_TRIES {
            let found = find(&self.sql, &ask.who, file_id, &Conditions::default(), now_ms())?;
            let Found::Upload(Standing { offset, length: Some(length), .. }) = found else { return Ok(()) };
            if offset == 0 || offset < length {
                return Ok(());
            }
            if !self.written.borrow().iter().any(|written| written == file_id) {
                let stream = Stream::Patch { offset, length: Some(0) };
                let complete = Ask { who: Who::Owner, stream, ..ask.clone() };
                let sent = Sent::More { offset, length: Some(0) };
                return match self.receive(None, file_id, &complete, sent).await {
                    // Its bytes were not what was said: it is empty now.
                    Ok(_) | Err(Failure::Core(CoreError::Refused(_))) => Ok(()),
                    Err(failure) => Err(failure),
                };
            }
            self.sleepers.pause(SETTLE_MS).await;
        }
        Err(Refusal::new(Kind::Conflict, "the upload is being completed: ask again in a moment").into())
    }

    async fn read_all(&self, incoming: &mut Incoming, writing: &mut Writing) -> Result<(), Failure> {
        let erasures = self.erasures.get();
        loop {
            let read = incoming.read(writing.room()).await;
            if self.erasures.get() != erasures {
                return Err(Refusal::gone().into());
            }
            match read {
                Read::Bytes => {
                    if writing.take(&self.sql, &self.limits, &incoming.bytes, now_ms())? {
                        self.stores.of_place(writing.place)?.part(&self.sql, writing).await?;
                    }
                }
                Read::End => return Ok(()),
                Read::Stalled => {
                    writing.pause(&self.sql, now_ms())?;
                    let seconds = self.limits.stall_ms.div_euclid(1_000);
                    let message =
                        format!("nothing has come for {seconds} seconds; {} bytes were kept", writing.offset());
                    return Err(Refusal::new(Kind::Stalled, message).into());
                }
                Read::Broken => {
                    writing.pause(&self.sql, now_ms())?;
                    return Err(Refusal::new(Kind::Stalled, "the connection broke; what had come was kept").into());
                }
            }
        }
    }
}

fn answer(file: Option<&File>, offset: Option<i64>) -> Result<Response, Failure> {
    let response = Response::empty()?;
    let set = |name: &str, json: Vec<u8>| response.headers().set(name, &URL_SAFE_NO_PAD.encode(json));
    if let Some(file) = file {
        set(COMPLETED, serde_json::to_vec(file)?)?;
    }
    if let Some(offset) = offset.or(file.map(|file| file.bytes)) {
        set(STANDING, serde_json::to_vec(&Standing { offset, length: None, expires_ms: 0 })?)?;
    }
    Ok(response)
}

async fn drain(incoming: &mut Incoming, until_ms: i64) {
    let mut drained: usize = 0;
    while drained < DRAINED && now_ms() < until_ms {
        match incoming.read(CHUNK).await {
            Read::Bytes => drained = drained.saturating_add(incoming.bytes.len()),
            _ => return,
        }
    }
}
