//! Uploads: bytes from the body of a request into chunks.

use ::files::refusal::{Error as CoreError, Kind, Refusal};
use ::files::rows::CHUNK;
use ::files::wire::{Ask, COMPLETED, File, STANDING, Standing, Stream};
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
                    drain(incoming).await;
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

    async fn read_all(&self, incoming: &mut Incoming, writing: &mut Writing) -> Result<(), Failure> {
        loop {
            match incoming.read(writing.room()).await {
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

async fn drain(incoming: &mut Incoming) {
    let mut drained: usize = 0;
    while drained < DRAINED {
        match incoming.read(CHUNK).await {
            Read::Bytes => drained = drained.saturating_add(incoming.bytes.len()),
            _ => return,
        }
    }
}
