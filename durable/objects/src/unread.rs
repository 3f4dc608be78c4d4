//! How much went out over a socket that is not known to have been read. The runtime keeps all of it in memory, so a client
//! that does not read must not be sent more and more.

use std::collections::VecDeque;

/// Bytes that a socket may leave unread for longer than `MAX_MS` before it is closed as too slow.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Frames that it may.
const MAX_FRAMES: u64 = 20_000;
/// How long it may take to read what came all at once, as when a queue is handed over.
const MAX_MS: i64 = 10_000;
/// Bytes that it may not leave unread even that long.
const MAX_AT_ONCE: u64 = 48 * 1024 * 1024;
/// Bytes after which the edge is asked to say what has been read of a stream.
const ASK_BYTES: u64 = 1024 * 1024;
/// Frames after which it is asked.
const ASK_FRAMES: u64 = 500;
/// What goes out within this time is remembered as one.
const TOGETHER_MS: i64 = 1_000;
/// Times that are remembered; of what went out before them all is only known when something later was read.
const MAX_TIMES: usize = 256;

/// So much, from the first frame of the socket on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Amount {
    frames: u64,
    bytes: u64,
}

/// What went out until then.
#[derive(Debug, Clone, Copy)]
struct Until {
    first_ms: i64,
    last_ms: i64,
    sent: Amount,
}

#[derive(Debug, Default)]
pub struct Unread {
    sent: Amount,
    read: Amount,
    /// What had gone out when the edge was asked.
    asked: Option<Amount>,
    times: VecDeque<Until>,
}

impl Unread {
    /// A frame of so many bytes goes out.
    pub fn send(&mut self, bytes: usize, now_ms: i64) {
        self.sent.frames = self.sent.frames.saturating_add(1);
        self.sent.bytes = self.sent.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        let sent = self.sent;
        match self.times.back_mut() {
            Some(last) if now_ms.saturating_sub(last.first_ms) < TOGETHER_MS => {
                (last.last_ms, last.sent) = (now_ms, sent)
            }
            _ => self.times.push_back(Until { first_ms: now_ms, last_ms: now_ms, sent }),
        }
        if self.times.len() > MAX_TIMES {
            self.times.pop_front();
        }
    }

    /// Everything has been read.
    pub fn read_all(&mut self) {
        self.read = self.sent;
        self.asked = None;
        self.times.clear();
    }

    /// What went out before this time has been read. Unix milliseconds.
    pub fn read_before(&mut self, at_ms: i64) {
        while let Some(first) = self.times.front().filter(|first| first.last_ms < at_ms) {
            self.read = self.read.max(first.sent);
            self.times.pop_front();
        }
    }

    fn forget_read_times(&mut self) {
        let read = self.read;
        while self.times.front().is_some_and(|first| first.sent <= read) {
            self.times.pop_front();
        }
    }

    /// The edge has answered: what had gone out when it was asked has been read.
    pub fn read_as_asked(&mut self) {
        if let Some(asked) = self.asked.take() {
            self.read = self.read.max(asked);
            self.forget_read_times();
        }
    }

    /// Whether the edge is to be asked now; it counts as asked then.
    pub fn asks(&mut self, anyway: bool) -> bool {
        let unread = self.unread();
        let asks = self.asked.is_none() && (anyway || unread.bytes >= ASK_BYTES || unread.frames >= ASK_FRAMES);
        if asks {
            self.asked = Some(self.sent);
        }
        asks
    }

    /// Whether more is unread than a socket may leave.
    pub fn is_too_much(&self, now_ms: i64) -> bool {
        let unread = self.unread();
        let had_time = self.times.front().is_some_and(|oldest| now_ms.saturating_sub(oldest.first_ms) > MAX_MS);
        unread.bytes > MAX_AT_ONCE || (had_time && (unread.bytes > MAX_BYTES || unread.frames > MAX_FRAMES))
    }

    pub fn bytes(&self) -> u64 {
        self.unread().bytes
    }

    fn unread(&self) -> Amount {
        Amount {
            frames: self.sent.frames.saturating_sub(self.read.frames),
            bytes: self.sent.bytes.saturating_sub(self.read.bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ASK_BYTES, MAX_BYTES, MAX_FRAMES, MAX_MS, Unread};

    const MEBIBYTE: usize = 1024 * 1024;

    #[test]
    fn bytes_and_frames_are_bounded_until_something_was_read() {
        let late = MAX_MS + 1;
        let mut unread = Unread::default();
        for _ in 0..16 {
            unread.send(MEBIBYTE, 0);
        }
        assert!(!unread.is_too_much(late));
        unread.send(1, 0);
        assert!(!unread.is_too_much(MAX_MS) && unread.is_too_much(late), "a burst may be read in its time");
        assert_eq!(unread.bytes(), MAX_BYTES + 1);
        unread.read_all();
        assert!(!unread.is_too_much(late) && unread.bytes() == 0);
        (0..MAX_FRAMES).for_each(|_| unread.send(1, 0));
        assert!(!unread.is_too_much(late));
        unread.send(1, 0);
        assert!(unread.is_too_much(late));
        unread.send(48 * MEBIBYTE, 0);
        assert!(unread.is_too_much(0));
    }

    #[test]
    fn a_stream_that_is_read_as_it_comes_is_never_too_slow() {
        let mut unread = Unread::default();
        for second in 0..100 {
            unread.send(MEBIBYTE, second * 1_000);
            assert!(!unread.is_too_much(second * 1_000));
            if unread.asks(false) {
                unread.read_as_asked();
            }
        }
        assert!(unread.times.len() <= 2);
    }

    #[test]
    fn a_ping_proves_what_went_out_before_it() {
        let mut unread = Unread::default();
        for second in 0..10 {
            unread.send(100, second * 1_000);
        }
        unread.read_before(5_000);
        assert_eq!(unread.bytes(), 500);
        unread.read_before(3_000);
        assert_eq!(unread.bytes(), 500);
        unread.read_before(9_001);
        assert_eq!(unread.bytes(), 0);
    }

    #[test]
    fn what_went_out_with_something_later_is_read_no_earlier() {
        let mut unread = Unread::default();
        unread.send(100, 1_000);
        unread.send(100, 1_500);
        unread.read_before(1_400);
        assert_eq!(unread.bytes(), 200);
        // Frames that never cease are not remembered as one for ever.
        (0..10).for_each(|step| unread.send(100, 1_600 + step * 300));
        unread.read_before(4_000);
        assert!(unread.bytes() <= 500, "{}", unread.bytes());
    }

    #[test]
    fn many_times_are_forgotten_and_only_make_it_slower_to_see_what_was_read() {
        let mut unread = Unread::default();
        (0..1_000).for_each(|second| unread.send(1, second * 1_000));
        assert!(unread.times.len() <= 256);
        unread.read_before(999_000);
        assert_eq!(unread.bytes(), 1);
    }

    #[test]
    fn the_edge_is_asked_once_and_answers_for_what_went_out_before() {
        let mut unread = Unread::default();
        unread.send(1, 0);
        assert!(!unread.asks(false));
        unread.send(usize::try_from(ASK_BYTES).unwrap(), 0);
        assert!(unread.asks(false) && !unread.asks(false) && !unread.asks(true));
        unread.send(7, 0);
        unread.read_as_asked();
        assert_eq!(unread.bytes(), 7);
        unread.read_as_asked();
        assert_eq!(unread.bytes(), 7);
        assert!(unread.asks(true));
    }
}
