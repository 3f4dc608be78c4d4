//! How urgent a record is: the eight log levels of MCP, which are those of syslog (RFC 5424).

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::{Serialize, Serializer};

/// Lower runs first. On the wire a name or a number; written as its number, as records carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Priority {
    Emergency = 0,
    Alert = 1,
    Critical = 2,
    Error = 3,
    Warning = 4,
    /// Of job updates.
    Notice = 5,
    /// Of dispatches and of messages that name none.
    #[default]
    Info = 6,
    Debug = 7,
}

impl Priority {
    /// From the most urgent to the least: the index is the number.
    pub const ALL: [Self; 8] = [
        Self::Emergency,
        Self::Alert,
        Self::Critical,
        Self::Error,
        Self::Warning,
        Self::Notice,
        Self::Info,
        Self::Debug,
    ];
    /// The names, in the order of [`Self::ALL`].
    pub const LEVELS: [&str; 8] = ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];

    /// The name, as `level` of a log notification.
    #[must_use]
    pub const fn as_level(self) -> &'static str {
        match self {
            Self::Emergency => "emergency",
            Self::Alert => "alert",
            Self::Critical => "critical",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }

    /// The number, 0 (emergency) to 7 (debug).
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        self as u8
    }

    #[must_use]
    pub fn from_level(level: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.as_level() == level)
    }

    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| u64::from(priority.as_u8()) == number)
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_level())
    }
}

impl Serialize for Priority {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.as_u8())
    }
}

impl<'de> Deserialize<'de> for Priority {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrNumber;

        impl Visitor<'_> for NameOrNumber {
            type Value = Priority;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a log level or a number from 0 to 7")
            }

            fn visit_str<E: Error>(self, level: &str) -> Result<Priority, E> {
                Priority::from_level(level).ok_or_else(|| E::invalid_value(Unexpected::Str(level), &self))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Priority, E> {
                Priority::from_number(number).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Priority, E> {
                let positive = u64::try_from(number).ok().and_then(Priority::from_number);
                positive.ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
            }
        }

        deserializer.deserialize_any(NameOrNumber)
    }
}
