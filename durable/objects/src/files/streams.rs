//! Bytes in and out, a piece at a time and never faster than the other side.
//!
//! The crate's streams make a new array of a few KiB for each piece. These read into one buffer, which goes to the runtime and
//! comes back, and write pieces of a chunk as they are.

use std::rc::Rc;

use futures_util::future::{Either, select};
use wasm_bindgen::prelude::wasm_bindgen;
use worker::Error;
use worker::js_sys::{ArrayBuffer, BigInt, Object, Promise, Reflect, Uint8Array};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::{ReadableStream, WritableStreamDefaultWriter};
use worker::worker_sys::FixedLengthStream;

use crate::buffers::free;
use crate::sleepers::Sleepers;

/// Bytes that are handed to the runtime at once. What a client does not read waits here.
const PIECE: u32 = 256 * 1024;

#[wasm_bindgen]
extern "C" {
    /// A reader that fills a buffer of the caller's.
    type ByobReader;

    #[wasm_bindgen(method, catch)]
    fn read(this: &ByobReader, view: &Uint8Array) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn cancel(this: &ByobReader) -> Result<Promise, JsValue>;

    type Readable;

    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn get_reader(this: &Readable, options: &Object) -> Result<ByobReader, JsValue>;
}

/// What reading has come to.
pub enum Read {
    /// So many bytes are in `Incoming::bytes`.
    Bytes,
    End,
    /// Nothing came for as long as a transfer may stand still.
    Stalled,
    /// The client has gone.
    Broken,
}

/// The body of a request.
pub struct Incoming {
    reader: ByobReader,
    buffer: Option<ArrayBuffer>,
    sleepers: Rc<Sleepers>,
    stall_ms: i64,
    pub bytes: Vec<u8>,
}

impl Incoming {
    pub fn of(body: &ReadableStream, size: usize, sleepers: &Rc<Sleepers>, stall_ms: i64) -> Result<Self, Error> {
        let options = Object::new();
        Reflect::set(&options, &JsValue::from_str("mode"), &JsValue::from_str("byob"))?;
        let reader = body.unchecked_ref::<Readable>().get_reader(&options)?;
        let buffer = Some(ArrayBuffer::new(u32::try_from(size).unwrap_or(PIECE)));
        Ok(Self { reader, buffer, sleepers: Rc::clone(sleepers), stall_ms, bytes: Vec::new() })
    }

    /// Waits for more, `at_most` bytes of it.
    pub async fn read(&mut self, at_most: usize) -> Read {
        let Some(buffer) = self.buffer.take() else { return Read::Broken };
        let most = u32::try_from(at_most).unwrap_or(u32::MAX).min(buffer.byte_length());
        let view = Uint8Array::new_with_byte_offset_and_length(&buffer, 0, most);
        let Ok(reading) = self.reader.read(&view) else { return Read::Broken };
        let stalled = self.sleepers.pause(self.stall_ms);
        let result = match select(JsFuture::from(reading), stalled).await {
            Either::Left((Ok(result), _)) => result,
            Either::Left((Err(_), _)) => return Read::Broken,
            Either::Right(_) => {
                // It ends what waits for the client, too.
                drop(self.reader.cancel());
                return Read::Stalled;
            }
        };
        let part = |name: &str| Reflect::get(&result, &JsValue::from_str(name)).unwrap_or_default();
        let value = part("value").dyn_into::<Uint8Array>();
        if part("done").is_truthy() {
            return Read::End;
        }
        let Ok(value) = value else { return Read::Broken };
        self.bytes.resize(usize::try_from(value.length()).unwrap_or_default(), 0);
        value.copy_to(&mut self.bytes);
        self.buffer = Some(value.buffer());
        Read::Bytes
    }
}

/// The body of an answer, of a length that is known.
pub struct Outgoing {
    writer: WritableStreamDefaultWriter,
    sleepers: Rc<Sleepers>,
    stall_ms: i64,
}

impl Outgoing {
    /// The stream to answer with, and its other end.
    pub fn of(length: i64, sleepers: &Rc<Sleepers>, stall_ms: i64) -> Result<(ReadableStream, Self), Error> {
        let stream = FixedLengthStream::new_big_int(BigInt::from(length))?;
        let writer = stream.writable().get_writer()?;
        Ok((stream.readable(), Self { writer, sleepers: Rc::clone(sleepers), stall_ms }))
    }

    /// Hands bytes over, waits until they are taken, and gives their memory back. Whether they were taken.
    pub async fn write(&self, whole: &Uint8Array) -> bool {
        let mut from = 0;
        while from < whole.length() {
            let until = from.saturating_add(PIECE).min(whole.length());
            let Ok(()) = self.piece(&whole.subarray(from, until)).await else { return false };
            from = until;
        }
        free(whole);
        true
    }

    async fn piece(&self, piece: &Uint8Array) -> Result<(), ()> {
        self.taken(self.writer.write_with_chunk(piece)).await
    }

    /// Waits until the client has taken what is on its way, for as long as a transfer may stand still.
    async fn taken(&self, writing: Promise) -> Result<(), ()> {
        let stalled = self.sleepers.pause(self.stall_ms);
        match select(JsFuture::from(writing), stalled).await {
            Either::Left((Ok(_), _)) => Ok(()),
            _ => {
                drop(self.writer.abort_with_reason(&JsValue::from_str("the client has stopped reading")));
                Err(())
            }
        }
    }

    pub async fn close(self) {
        // Fails if the client has gone: nothing is left to do then.
        let _ = self.taken(self.writer.close()).await;
    }

    /// What was promised cannot be sent.
    pub fn abort(self, reason: &str) {
        drop(self.writer.abort_with_reason(&JsValue::from_str(reason)));
    }
}
