//! Where content is: in rows of the object itself, or in R2 where the operator has bound a bucket as `FILES`.
//!
//! New content goes to R2 as soon as there is a binding; what is in rows already stays there and is served from there. The key
//! of content in R2 is `<object id>/<number>`, and no number is used twice.

use std::rc::Rc;

use ::files::cleaning::Leftover;
use ::files::parts::{Parts, multipart_begun, part_stored, parts};
use ::files::refusal::{Kind, Refusal};
use ::files::wire::Place;
use ::files::writing::{PART, Writing};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use worker::wasm_bindgen_futures::spawn_local;
use worker::web_sys::ReadableStream;
use worker::{Bucket, Env, MultipartUpload, Range, ResponseBody, State, UploadedPart};

use super::chunks::piece;
use super::failure::Failure;
use super::sqlite::BlobSql;
use super::streams::Outgoing;
use crate::sleepers::Sleepers;
use crate::sqlite::ObjectSql;

/// Where content is kept once it is whole.
pub trait Store {
    /// Takes a part's worth of chunks over from the rows.
    fn part<'a>(&'a self, sql: &'a BlobSql, writing: &'a mut Writing) -> LocalBoxFuture<'a, Result<(), Failure>>;

    /// Puts content together whose bytes are all there.
    fn complete<'a>(&'a self, sql: &'a BlobSql, blob: i64) -> LocalBoxFuture<'a, Result<(), Failure>>;

    /// A stream of a range of the bytes, the end exclusive, of which there are `bytes`; none where they are in rows.
    fn open(
        &self,
        blob: i64,
        range: (i64, i64),
        bytes: i64,
    ) -> LocalBoxFuture<'_, Result<Option<ReadableStream>, Failure>>;

    /// Removes content, or an upload that was never completed. Removing it twice is no fault.
    fn erase<'a>(&'a self, left: &'a Leftover) -> LocalBoxFuture<'a, Result<(), Failure>>;
}

/// The stores of an object.
pub struct Stores {
    rows: Rows,
    r2: Option<R2>,
}

impl Stores {
    pub fn of(env: &Env, state: &State, sleepers: &Rc<Sleepers>, stall_ms: i64) -> Self {
        let (prefix, sleepers) = (state.id().to_string(), Rc::clone(sleepers));
        let r2 = env.bucket("FILES").ok().map(|bucket| R2 { bucket, prefix, sleepers, stall_ms });
        Self { rows: Rows, r2 }
    }

    /// Where new content goes.
    pub fn place(&self) -> Place {
        if self.r2.is_some() { Place::R2 } else { Place::Sqlite }
    }

    /// # Errors
    /// `Kind::Unreachable` for R2 without a binding.
    pub fn of_place(&self, place: Place) -> Result<&dyn Store, Refusal> {
        match (place, &self.r2) {
            (Place::Sqlite, _) => Ok(&self.rows),
            (Place::R2, Some(r2)) => Ok(r2),
            (Place::R2, None) => {
                Err(Refusal::new(Kind::Unreachable, "this file is in R2, and the server has no binding FILES any more"))
            }
        }
    }
}

/// Rows need nothing done: what is written is there.
struct Rows;

impl Store for Rows {
    fn part<'a>(&'a self, _: &'a BlobSql, _: &'a mut Writing) -> LocalBoxFuture<'a, Result<(), Failure>> {
        async { Ok(()) }.boxed_local()
    }

    fn complete<'a>(&'a self, _: &'a BlobSql, _: i64) -> LocalBoxFuture<'a, Result<(), Failure>> {
        async { Ok(()) }.boxed_local()
    }

    fn open(&self, _: i64, _: (i64, i64), _: i64) -> LocalBoxFuture<'_, Result<Option<ReadableStream>, Failure>> {
        async { Ok(None) }.boxed_local()
    }

    fn erase<'a>(&'a self, _: &'a Leftover) -> LocalBoxFuture<'a, Result<(), Failure>> {
        async { Ok(()) }.boxed_local()
    }
}

struct R2 {
    bucket: Bucket,
    prefix: String,
    sleepers: Rc<Sleepers>,
    stall_ms: i64,
}

impl R2 {
    fn key(&self, blob: i64) -> String {
        format!("{}/{blob}", self.prefix)
    }

    /// Bytes that wait in rows, a chunk at a time.
    fn chunks(&self, sql: &BlobSql, blob: i64, from: i64, until: i64) -> Result<ReadableStream, Failure> {
        let sql = BlobSql(ObjectSql(sql.0.0.clone()));
        let (stream, outgoing) = Outgoing::of(until.saturating_sub(from), &self.sleepers, self.stall_ms)?;
        spawn_local(async move {
            let mut at = from;
            while at < until {
                let Ok(Some(bytes)) = piece(&sql, blob, at, until) else {
                    return outgoing.abort("bytes of an upload are not there");
                };
                let length = i64::from(bytes.length());
                if !outgoing.write(&bytes).await {
                    return;
                }
                at = at.saturating_add(length);
            }
            outgoing.close().await;
        });
        Ok(stream)
    }

    /// The multipart upload of a blob, begun if it is not.
    async fn multipart(&self, sql: &BlobSql, blob: i64, known: &Parts) -> Result<MultipartUpload, Failure> {
        if let Some(multipart) = &known.multipart {
            return Ok(self.bucket.resume_multipart_upload(self.key(blob), multipart)?);
        }
        let begun = self.bucket.create_multipart_upload(self.key(blob)).execute().await?;
        multipart_begun(sql, blob, &begun.upload_id().await)?;
        Ok(begun)
    }

    /// Sends a part's worth of what waits in rows. Returns how many bytes are in parts then.
    async fn send_part(&self, sql: &BlobSql, blob: i64, known: &Parts) -> Result<i64, Failure> {
        let upload = self.multipart(sql, blob, known).await?;
        let until = known.rest_from.saturating_add(PART);
        let sent = self.chunks(sql, blob, known.rest_from, until)?;
        let part = upload.upload_part(of_number(known.next()), sent).await?;
        Ok(part_stored(sql, blob, known, &part.etag())?)
    }

    /// Sends what is left of a multipart upload, and ends it.
    async fn end_multipart(&self, sql: &BlobSql, blob: i64, mut known: Parts) -> Result<(), Failure> {
        // More than a part waits where this object was killed before a part was noted. No part may be larger than the first.
        while known.rest > PART {
            self.send_part(sql, blob, &known).await?;
            known = parts(sql, blob)?;
        }
        let upload = self.multipart(sql, blob, &known).await?;
        let uploaded = known.parts.iter().map(|(number, etag)| UploadedPart::new(of_number(*number), etag.clone()));
        let mut uploaded: Vec<UploadedPart> = uploaded.collect();
        if known.rest > 0 {
            let until = known.rest_from.saturating_add(known.rest);
            let rest = self.chunks(sql, blob, known.rest_from, until)?;
            uploaded.push(upload.upload_part(of_number(known.next()), rest).await?);
        }
        upload.complete(uploaded).await?;
        Ok(())
    }
}

impl Store for R2 {
    fn part<'a>(&'a self, sql: &'a BlobSql, writing: &'a mut Writing) -> LocalBoxFuture<'a, Result<(), Failure>> {
        async move {
            let known = parts(sql, writing.blob)?;
            writing.parted = self.send_part(sql, writing.blob, &known).await?;
            Ok(())
        }
        .boxed_local()
    }

    fn complete<'a>(&'a self, sql: &'a BlobSql, blob: i64) -> LocalBoxFuture<'a, Result<(), Failure>> {
        async move {
            let known = parts(sql, blob)?;
            let until = known.rest_from.saturating_add(known.rest);
            if known.multipart.is_none() {
                self.bucket.put(self.key(blob), self.chunks(sql, blob, 0, until)?).execute().await?;
                return Ok(());
            }
            if let Err(failed) = self.end_multipart(sql, blob, known).await {
                // It may have been completed before this object was killed, and takes no parts any more then.
                let there = self.bucket.head(self.key(blob)).await?;
                if there.is_none_or(|object| i64::try_from(object.size()) != Ok(until)) {
                    return Err(failed);
                }
            }
            Ok(())
        }
        .boxed_local()
    }

    fn open(
        &self,
        blob: i64,
        (from, until): (i64, i64),
        bytes: i64,
    ) -> LocalBoxFuture<'_, Result<Option<ReadableStream>, Failure>> {
        async move {
            let span = |number: i64| u64::try_from(number).unwrap_or_default();
            let range = Range::OffsetWithLength { offset: span(from), length: span(until.saturating_sub(from)) };
            let get = self.bucket.get(self.key(blob));
            let is_whole = from == 0 && until == bytes;
            let found = if is_whole { get.execute().await? } else { get.range(range).execute().await? };
            let missing = || Refusal::new(Kind::Unreachable, "the content of this file is not in R2 any more");
            let object = found.ok_or_else(missing)?;
            match object.body().ok_or_else(missing)?.response_body()? {
                ResponseBody::Stream(stream) => Ok(Some(stream)),
                _ => Err(missing().into()),
            }
        }
        .boxed_local()
    }

    fn erase<'a>(&'a self, left: &'a Leftover) -> LocalBoxFuture<'a, Result<(), Failure>> {
        async move {
            if let Some(multipart) = &left.multipart {
                let upload = self.bucket.resume_multipart_upload(self.key(left.blob), multipart)?;
                if let Err(error) = upload.abort().await {
                    worker::console_log!("files: a multipart upload was not there any more: {error}");
                }
            }
            Ok(self.bucket.delete(self.key(left.blob)).await?)
        }
        .boxed_local()
    }
}

fn of_number(number: i64) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}
