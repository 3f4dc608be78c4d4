//! Limits for one user. An operator can set each.

use crate::wire::Place;

const MIB: i64 = 1024 * 1024;
const DAY_MS: i64 = 86_400_000;

/// How long an upload may wait for bytes before it is given up.
pub const OPEN_MS: i64 = DAY_MS;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file, where the operator has said so; else `FILE_ON_SQLITE` or `FILE_ON_R2`.
    pub file_bytes: Option<i64>,
    /// Bytes of all files. Content that several files share counts once; an upload counts with the bytes it is to have.
    pub all_bytes: i64,
    /// Files and open uploads.
    pub files: i64,
    pub open_uploads: i64,
    /// How long a file is kept that is not pinned.
    pub kept_ms: i64,
    /// How long a transfer may stand still.
    pub stall_ms: i64,
    /// Transfers that may run at once.
    pub transfers: usize,
}

const FILE_ON_SQLITE: i64 = 256 * MIB;
const FILE_ON_R2: i64 = 5 * 1024 * MIB;

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: None,
            all_bytes: 1024 * MIB,
            files: 1_000,
            open_uploads: 50,
            kept_ms: 7 * DAY_MS,
            stall_ms: 60_000,
            transfers: 24,
        }
    }
}

impl Limits {
    /// Reads the limits from variables, with defaults for the rest. A value that is not a whole number of at least 1
    /// counts as not set.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let usual = Self::default();
        let set = |name| variable(name).and_then(|text| text.trim().parse::<u32>().ok()).filter(|value| *value > 0);
        let scaled = |name, unit: i64, usual| set(name).map_or(usual, |value| i64::from(value).saturating_mul(unit));
        Self {
            file_bytes: set("LIMIT_FILE_MIB").map(|value| i64::from(value).saturating_mul(MIB)),
            all_bytes: scaled("LIMIT_FILES_MIB", MIB, usual.all_bytes),
            files: scaled("LIMIT_FILES", 1, usual.files),
            open_uploads: scaled("LIMIT_OPEN_UPLOADS", 1, usual.open_uploads),
            kept_ms: scaled("FILES_KEPT_DAYS", DAY_MS, usual.kept_ms),
            stall_ms: scaled("FILES_STALL_SECONDS", 1_000, usual.stall_ms),
            transfers: set("LIMIT_TRANSFERS").and_then(|value| usize::try_from(value).ok()).unwrap_or(usual.transfers),
        }
    }

    /// The most that one file may have, in bytes.
    pub fn of_file(&self, place: Place) -> i64 {
        let usual = match place {
            Place::Sqlite => FILE_ON_SQLITE,
            Place::R2 => FILE_ON_R2,
        };
        self.file_bytes.unwrap_or(usual)
    }
}

/// A number of bytes, as people read it.
pub fn shown(bytes: i64) -> String {
    let tenths = |unit: i64| {
        let tenths = bytes.saturating_mul(10).checked_div(unit).unwrap_or_default();
        format!("{}.{}", tenths.div_euclid(10), tenths.rem_euclid(10))
    };
    match bytes {
        1 => "1 byte".to_owned(),
        ..1_024 => format!("{bytes} bytes"),
        1_024..MIB => format!("{} KiB", tenths(1_024)),
        _ => format!("{} MiB", tenths(MIB)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, MIB, shown};
    use crate::wire::Place;

    #[test]
    fn a_limit_that_makes_no_sense_counts_as_not_set() {
        for value in ["", "0", "-1", "1.5", "many", "99999999999999999999"] {
            assert_eq!(Limits::read(|_| Some(value.to_owned())), Limits::default(), "{value}");
        }
        let limits = Limits::read(|name| (name == "LIMIT_FILE_MIB").then(|| " 2 ".to_owned()));
        assert_eq!(limits.of_file(Place::Sqlite), 2 * MIB);
        assert_eq!(limits.of_file(Place::R2), 2 * MIB);
        assert_eq!(Limits::default().of_file(Place::Sqlite), 256 * MIB);
        assert_eq!(Limits::default().of_file(Place::R2), 5 * 1024 * MIB);
    }

    #[test]
    fn sizes_are_shown_in_one_unit() {
        for (bytes, text) in
            [(0, "0 bytes"), (1, "1 byte"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (256 * MIB, "256.0 MiB")]
        {
            assert_eq!(shown(bytes), text);
        }
    }
}
