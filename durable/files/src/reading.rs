//! Which bytes a download is answered with: ranges and conditions (RFC 9110 sections 13 and 14).

use kernel::storage::{Sql, StorageError};

use crate::refusal::{Error, Kind, Refusal};
use crate::rows::{self, CHUNK, FileRow, Use};
use crate::wire::{Conditions, File, Place, Standing, Who};

/// What to answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub file: File,
    pub blob: i64,
    pub place: Place,
    pub answer: Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Whole,
    /// Bytes `from` to `until`, exclusive.
    Part {
        from: i64,
        until: i64,
    },
    NotModified,
}

impl Reading {
    /// The bytes to send.
    pub fn range(&self) -> (i64, i64) {
        match self.answer {
            Answer::Whole => (0, self.file.bytes),
            Answer::Part { from, until } => (from, until),
            Answer::NotModified => (0, 0),
        }
    }
}

/// What there is under this id.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    File(Box<Reading>),
    /// An upload, which can only be asked how far it is.
    Upload(Standing),
}

/// # Errors
/// `Kind::NotFound` and `Kind::Range`.
pub fn find(sql: &dyn Sql, who: &Who, file_id: &str, asked: &Conditions, now_ms: i64) -> Result<Found, Error> {
    let file = rows::find(sql, who, file_id, Use::Read, now_ms)?;
    if !file.is_stored {
        return Ok(Found::Upload(file.standing()));
    }
    let answer = answer(&file, asked)?;
    Ok(Found::File(Box::new(Reading { blob: file.blob, place: file.place, file: file.shown(), answer })))
}

/// # Errors
/// `Kind::NotFound` also for an upload: it has no content yet.
pub fn content(sql: &dyn Sql, who: &Who, file_id: &str, asked: &Conditions, now_ms: i64) -> Result<Reading, Error> {
    match find(sql, who, file_id, asked, now_ms)? {
        Found::File(reading) => Ok(*reading),
        Found::Upload(Standing { offset, length, .. }) => {
            let of = length.map_or(String::new(), |length| format!(" of {length}"));
            let message = format!("the upload is not complete yet: {offset}{of} bytes have come");
            Err(Refusal::new(Kind::NotFound, message).into())
        }
    }
}

fn answer(file: &FileRow, asked: &Conditions) -> Result<Answer, Refusal> {
    let etag = etag(file.sha256.as_deref().unwrap_or_default());
    if asked.if_none_match.as_deref().is_some_and(|tags| names(tags, &etag)) {
        return Ok(Answer::NotModified);
    }
    let Some(range) = asked.range.as_deref() else { return Ok(Answer::Whole) };
    // A strong comparison: a date or a weak tag never matches.
    if asked.if_range.as_deref().is_some_and(|tag| tag.trim() != etag) {
        return Ok(Answer::Whole);
    }
    match parse(range, file.bytes) {
        Asked::Part { from, until } => Ok(Answer::Part { from, until }),
        // What cannot be understood is passed over.
        Asked::Other => Ok(Answer::Whole),
        Asked::Beyond => {
            let message =
                format!("the file has {} bytes, and none of the range {:?} is there", file.bytes, short(range));
            Err(Refusal { bytes: Some(file.bytes), ..Refusal::new(Kind::Range, message) })
        }
    }
}

/// The entity tag of content: it never changes.
pub fn etag(sha256: &str) -> String {
    format!("\"{sha256}\"")
}

fn names(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

fn short(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(60).collect()
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Part {
        from: i64,
        until: i64,
    },
    /// Several ranges, another unit, or no range at all: the whole is sent.
    Other,
    Beyond,
}

fn parse(range: &str, bytes: i64) -> Asked {
    let Some((unit, span)) = range.split_once('=') else { return Asked::Other };
    let Some((first, last)) = span.trim().split_once('-') else { return Asked::Other };
    let (first, last) = (first.trim(), last.trim());
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !unit.trim().eq_ignore_ascii_case("bytes") || !is_digits(first) || !is_digits(last) {
        return Asked::Other;
    }
    // A number that is too long for us is beyond the end of everything.
    let number = |text: &str| text.parse::<i64>().unwrap_or(i64::MAX);
    let (from, until) = match (first, last) {
        ("", "") => return Asked::Other,
        ("", suffix) => (bytes.saturating_sub(number(suffix)).max(0), bytes),
        (from, "") => (number(from), bytes),
        (from, last) if number(last) < number(from) => return Asked::Other,
        (from, last) => (number(from), number(last).saturating_add(1).min(bytes)),
    };
    if from < until { Asked::Part { from, until } } else { Asked::Beyond }
}

/// The bytes of a blob from `from` on, up to the end of its chunk or `until`; none where they are not there.
pub fn piece(sql: &dyn Sql, blob: i64, from: i64, until: i64) -> Result<Option<Vec<u8>>, StorageError> {
    let number = rows::chunk_of(from);
    let Some(mut chunk) = rows::chunk(sql, blob, number)? else { return Ok(None) };
    let start = rows::start_of(number);
    let place = |at: i64| usize::try_from(at.saturating_sub(start)).unwrap_or(CHUNK);
    chunk.truncate(place(until));
    let skipped = place(from);
    if skipped >= chunk.len() {
        return Ok(None);
    }
    Ok(Some(if skipped == 0 { chunk } else { chunk.split_off(skipped) }))
}

#[cfg(test)]
mod tests {
    use super::{Asked, names, parse};

    #[test]
    fn one_range_of_bytes_is_understood_and_what_is_not_means_the_whole() {
        let part = |from, until| Asked::Part { from, until };
        for (range, asked) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=0-", part(0, 100)),
            ("bytes=10-19", part(10, 20)),
            ("BYTES = 10 - 19 ", part(10, 20)),
            ("bytes=99-1000", part(99, 100)),
            ("bytes=-1", part(99, 100)),
            ("bytes=-1000", part(0, 100)),
            ("bytes=90-99999999999999999999", part(90, 100)),
            ("bytes=-99999999999999999999", part(0, 100)),
            ("bytes=100-", Asked::Beyond),
            ("bytes=100-200", Asked::Beyond),
            ("bytes=99999999999999999999-", Asked::Beyond),
            ("bytes=-0", Asked::Beyond),
            ("bytes=5-3", Asked::Other),
            ("bytes=0-1,5-6", Asked::Other),
            ("bytes=-", Asked::Other),
            ("bytes=--5", Asked::Other),
            ("bytes=+1-5", Asked::Other),
            ("lines=0-1", Asked::Other),
            ("bytes", Asked::Other),
            ("", Asked::Other),
        ] {
            assert_eq!(parse(range, 100), asked, "{range}");
        }
        assert_eq!(parse("bytes=0-", 0), Asked::Beyond);
    }

    #[test]
    fn a_tag_is_known_among_others_and_weak() {
        for tags in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert!(names(tags, "\"a\""), "{tags}");
        }
        for tags in ["", "a", "\"A\"", "\"ab\""] {
            assert!(!names(tags, "\"a\""), "{tags}");
        }
    }
}
