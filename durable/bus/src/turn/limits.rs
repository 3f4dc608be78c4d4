//! Limits for one user. An operator can set each.

use crate::turn::error::Rejection;

/// The size of the database is looked at no more often than this.
const SIZE_EVERY_MS: i64 = 1_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Registered clients.
    pub clients: i64,
    /// Jobs that have not ended.
    pub open_jobs: i64,
    /// Messages and jobs sent, one for each recipient; as many may come at once after a quiet second.
    pub messages_per_second: i64,
    /// Bytes of the user's database.
    pub storage_bytes: u64,
    /// Open sockets.
    pub sockets: usize,
    /// Frames that one socket may send, and as many again at once after a quiet second. A large frame counts as several.
    pub frames_per_second: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 1_000,
            open_jobs: 10_000,
            messages_per_second: 5_000,
            storage_bytes: 1024 * 1024 * 1024,
            sockets: 256,
            frames_per_second: 5_000,
        }
    }
}

impl Limits {
    /// Reads the limits from variables, with defaults for the rest. A value that is not a whole number of at least 1
    /// counts as not set.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let usual = Self::default();
        let set = |name| variable(name).and_then(|text| text.trim().parse::<u32>().ok()).filter(|value| *value > 0);
        let number = |name, usual| set(name).map_or(usual, i64::from);
        Self {
            clients: number("LIMIT_CLIENTS", usual.clients),
            open_jobs: number("LIMIT_OPEN_JOBS", usual.open_jobs),
            messages_per_second: number("LIMIT_MESSAGES_PER_SECOND", usual.messages_per_second),
            storage_bytes: set("LIMIT_STORAGE_MIB")
                .map_or(usual.storage_bytes, |mebibytes| u64::from(mebibytes).saturating_mul(1024 * 1024)),
            sockets: set("LIMIT_SOCKETS").and_then(|value| usize::try_from(value).ok()).unwrap_or(usual.sockets),
            frames_per_second: number("LIMIT_FRAMES_PER_SECOND", usual.frames_per_second),
        }
    }
}

/// Meters a user's messages and storage. In memory only.
#[derive(Debug, Clone, Copy, Default)]
pub struct Meter {
    /// Thousandths of messages that were sent and have not been worked off.
    sent: i64,
    since_ms: i64,
    size: u64,
    size_ms: Option<i64>,
}

impl Meter {
    pub fn wants_size(&self, now_ms: i64) -> bool {
        self.size_ms.is_none_or(|looked_ms| now_ms.saturating_sub(looked_ms) >= SIZE_EVERY_MS)
    }

    pub fn note_size(&mut self, size: u64, now_ms: i64) {
        (self.size, self.size_ms) = (size, Some(now_ms));
    }

    /// # Errors
    /// `Rejection::TooFast` and `Rejection::Full`.
    pub fn admit(&mut self, limits: &Limits, messages: usize, now_ms: i64) -> Result<(), Rejection> {
        if self.size >= limits.storage_bytes {
            return Err(Rejection::Full { limit_mib: limits.storage_bytes.div_euclid(1024 * 1024) });
        }
        let a_second = limits.messages_per_second.saturating_mul(1_000);
        let worked_off = now_ms.saturating_sub(self.since_ms).max(0).saturating_mul(limits.messages_per_second);
        let pending = self.sent.saturating_sub(worked_off).max(0);
        if pending >= a_second {
            return Err(Rejection::TooFast { limit: limits.messages_per_second });
        }
        // A message to more recipients than the budget allows is still accepted, since it could otherwise never be sent;
        // it overdraws the budget.
        let more = i64::try_from(messages).unwrap_or(i64::MAX).saturating_mul(1_000);
        (self.sent, self.since_ms) = (pending.saturating_add(more), now_ms);
        Ok(())
    }
}

/// A frame counts once for each of these it begins.
const FRAME_BYTES: usize = 16 * 1024;

/// What one socket has sent lately. Memory only.
#[derive(Debug, Clone, Copy, Default)]
pub struct FrameMeter {
    /// Thousandths of frames that came and have not been worked off.
    pending: i64,
    since_ms: i64,
}

impl FrameMeter {
    /// A frame of so many bytes has come. Whether that is still within the limit: a second's worth may come at once.
    pub fn admit(&mut self, bytes: usize, limits: &Limits, now_ms: i64) -> bool {
        let limit = limits.frames_per_second;
        let worked_off = now_ms.saturating_sub(self.since_ms).max(0).saturating_mul(limit);
        let pending = self.pending.saturating_sub(worked_off).max(0);
        let frames = i64::try_from(bytes.div_euclid(FRAME_BYTES)).unwrap_or(i64::MAX).saturating_add(1);
        (self.pending, self.since_ms) = (pending.saturating_add(frames.saturating_mul(1_000)), now_ms);
        // One large frame is within the limit whatever its size.
        pending <= limit.saturating_mul(1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::{FrameMeter, Limits};

    #[test]
    fn a_socket_may_send_a_seconds_frames_at_once_and_then_as_many_a_second() {
        let (limits, mut meter) = (Limits { frames_per_second: 100, ..Limits::default() }, FrameMeter::default());
        assert!((0..=100).all(|_| meter.admit(10, &limits, 5_000)));
        assert!(!meter.admit(10, &limits, 5_000));
        assert!(!meter.admit(10, &limits, 5_010), "what is refused counts too");
        assert!(meter.admit(10, &limits, 5_100));
        assert!(meter.admit(32 * 1024 * 1024, &limits, 10_000), "one large frame is no flood");
        assert!(!meter.admit(10, &limits, 11_000));
    }

    #[test]
    fn a_limit_that_makes_no_sense_counts_as_not_set() {
        for value in ["", "0", "-1", "1.5", "many", "99999999999999999999"] {
            assert_eq!(Limits::read(|_| Some(value.to_owned())), Limits::default(), "{value}");
        }
        let limits = Limits::read(|name| (name == "LIMIT_STORAGE_MIB").then(|| " 2 ".to_owned()));
        assert_eq!(limits, Limits { storage_bytes: 2 * 1024 * 1024, ..Limits::default() });
    }
}
