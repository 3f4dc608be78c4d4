//! Times and texts as the pages show them.

use chrono::{DateTime, Timelike, Utc};

use crate::web::pages::dashboard::Moment;

/// Milliseconds as seconds.
pub fn milliseconds(ms: i64) -> String {
    // A job lives for a day, so a float holds this exactly.
    #[allow(clippy::cast_precision_loss)]
    duration(ms as f64 / 1_000.0)
}

/// Seconds as `24 ms`, `1.8 s`, `42 s` or `3 min 5 s`.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1_000.0)
    } else if seconds < 10.0 {
        format!("{seconds:.1} s")
    } else if seconds < 60.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{:.0} min {:.0} s", (seconds / 60.0).floor(), (seconds % 60.0).floor())
    }
}

/// `ms`: Unix milliseconds.
pub fn moment_ms(ms: i64) -> Moment {
    // Exact for every time that fits in 53 bits.
    #[allow(clippy::cast_precision_loss)]
    moment(ms as f64 / 1_000.0)
}

/// `seconds`: Unix seconds.
pub fn moment(seconds: f64) -> Moment {
    // Times of the bus fit into an i64.
    #[allow(clippy::cast_possible_truncation)]
    let time = DateTime::from_timestamp(seconds as i64, 0);
    let written = |time: DateTime<Utc>| format!("{} {:02}:{:02} UTC", time.date_naive(), time.hour(), time.minute());
    Moment { seconds, text: time.map(written).unwrap_or_default() }
}

/// At most `limit` characters, with a mark if there were more.
pub fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}… (cut)", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{cut, duration};

    #[test]
    fn times_and_texts_are_short() {
        assert_eq!([0.024, 1.84, 42.4, 185.0].map(duration), ["24 ms", "1.8 s", "42 s", "3 min 5 s"]);
        assert_eq!((cut("äöü", 2), cut("äö", 2)), ("äö… (cut)".to_owned(), "äö".to_owned()));
    }
}
