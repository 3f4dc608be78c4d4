//! Downloads: chunks into the body of an answer, as fast as the client reads.

use ::files::reading::{Answer, Found, Reading, content, etag, find};
use ::files::refusal::Error as CoreError;
use ::files::wire::{Conditions, File, LENGTH, Reply, STANDING, Who};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use runtime::now_ms;
use worker::wasm_bindgen_futures::spawn_local;
use worker::web_sys::{ReadableStream, Response as RuntimeResponse, ResponseInit};
use worker::{Headers, Response, console_error};

use super::Shelf;
use super::chunks::piece;
use super::failure::Failure;
use super::streams::{Incoming, Outgoing, Read};

/// A small file that is read whole is read in pieces of this.
const PIECE: usize = 64 * 1024;

impl Shelf {
    pub(super) async fn download(
        &self,
        file_id: &str,
        who: &Who,
        conditions: &Conditions,
    ) -> Result<Response, Failure> {
        let reading = content(&self.sql, who, file_id, conditions, now_ms())?;
        let headers = headers(&reading)?;
        if reading.answer == Answer::NotModified {
            return Ok(Response::empty()?.with_status(304).with_headers(headers));
        }
        let (from, until) = reading.range();
        let body = self.body(&reading, from, until).await?;
        let init = ResponseInit::new();
        init.set_status(status(reading.answer));
        init.set_headers(&headers.0);
        let response = RuntimeResponse::new_with_opt_readable_stream_and_init(Some(&body), &init);
        Ok(Response::from(response.map_err(worker::Error::from)?))
    }

    async fn body(&self, reading: &Reading, from: i64, until: i64) -> Result<ReadableStream, Failure> {
        let transfer = self.begin_transfer()?;
        transfer.uses(reading.blob);
        if until > from
            && let Some(stream) =
                self.stores.of_place(reading.place)?.open(reading.blob, (from, until), reading.file.bytes).await?
        {
            // The runtime passes it on by itself, so that nothing here knows when it ends.
            return Ok(stream);
        }
        let (body, outgoing) = Outgoing::of(until.saturating_sub(from), &self.sleepers, self.limits.stall_ms)?;
        let shelf = self.me.upgrade().ok_or(CoreError::Broken("the object is gone"))?;
        let blob = reading.blob;
        spawn_local(async move {
            let mut at = from;
            while at < until {
                let bytes = match piece(&shelf.sql, blob, at, until) {
                    Ok(Some(bytes)) => bytes,
                    Ok(None) => return outgoing.abort("the file was deleted while it was read"),
                    Err(error) => {
                        console_error!("files: {error}");
                        return outgoing.abort("the file cannot be read");
                    }
                };
                let length = i64::from(bytes.length());
                if !outgoing.write(&bytes).await {
                    return;
                }
                at = at.saturating_add(length);
            }
            outgoing.close().await;
            drop(transfer);
        });
        Ok(body)
    }

    /// What a download would be answered with, or how far an upload is.
    pub(super) fn head(&self, file_id: &str, who: &Who, conditions: &Conditions) -> Result<Response, Failure> {
        let response = Response::empty()?;
        match find(&self.sql, who, file_id, conditions, now_ms())? {
            Found::File(reading) => {
                let headers = headers(&reading)?;
                let (from, until) = reading.range();
                headers.set(LENGTH, &until.saturating_sub(from).to_string())?;
                let status = if reading.answer == Answer::NotModified { 304 } else { status(reading.answer) };
                Ok(response.with_status(status).with_headers(headers))
            }
            Found::Upload(standing) => {
                response.headers().set(STANDING, &URL_SAFE_NO_PAD.encode(serde_json::to_vec(&standing)?))?;
                Ok(response)
            }
        }
    }

    /// A file whose bytes are to be part of an answer, and are not in rows here.
    pub(super) async fn small(&self, file: File) -> Result<Reply, Failure> {
        let nothing = |file| Ok(Reply::Read { file, base64: None });
        let Found::File(reading) = find(&self.sql, &Who::Owner, &file.file_id, &Conditions::default(), now_ms())?
        else {
            return nothing(file);
        };
        let Some(stream) = self.stores.of_place(reading.place)?.open(reading.blob, (0, file.bytes), file.bytes).await?
        else {
            return nothing(file);
        };
        let mut incoming = Incoming::of(&stream, PIECE, &self.sleepers, self.limits.stall_ms)?;
        let mut bytes = Vec::new();
        while let Read::Bytes = incoming.read(PIECE).await {
            bytes.extend_from_slice(&incoming.bytes);
        }
        let is_whole = i64::try_from(bytes.len()) == Ok(file.bytes);
        Ok(Reply::Read { file, base64: is_whole.then(|| STANDARD.encode(bytes)) })
    }
}

const fn status(answer: Answer) -> u16 {
    if matches!(answer, Answer::Part { .. }) { 206 } else { 200 }
}

/// What says of an answer which bytes it has. The edge adds how a browser has to treat them.
fn headers(reading: &Reading) -> Result<Headers, Failure> {
    let headers = Headers::new();
    headers.set("etag", &etag(&reading.file.sha256))?;
    headers.set("accept-ranges", "bytes")?;
    headers.set("content-type", &reading.file.mime_type)?;
    headers.set("content-disposition", &disposition(&reading.file.name))?;
    if let Answer::Part { from, until } = reading.answer {
        let last = until.saturating_sub(1);
        headers.set("content-range", &format!("bytes {from}-{last}/{}", reading.file.bytes))?;
    }
    Ok(headers)
}

/// `attachment` with the name twice: as far as ASCII goes, and in full (RFC 6266).
fn disposition(name: &str) -> String {
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() || matches!(letter, ' ' | '.' | '-' | '_') { letter } else { '_' }
    };
    let ascii: String = name.chars().map(plain).collect();
    let encoded: String = name
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}
