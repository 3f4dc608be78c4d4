//! Why a request is refused: a fault of the caller, or a limit. The words are for the caller.

use kernel::ids::EntropyError;
use kernel::storage::StorageError;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What kind of refusal it is, by its name on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Not there, or not the caller's to see.
    NotFound,
    Invalid,
    WrongLength,
    WrongHash,
    /// Another request has it, or it is in another state.
    Conflict,
    /// It has been deleted or given up meanwhile.
    Gone,
    TooLarge,
    /// No byte of the range is there.
    Range,
    Quota,
    /// Too much at once.
    Busy,
    /// The client did not go on.
    Stalled,
    /// The content is where this server has no access to any more.
    Unreachable,
}

impl Kind {
    pub const fn status(self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Invalid | Self::WrongLength | Self::WrongHash => 400,
            Self::Conflict => 409,
            Self::Gone => 410,
            Self::TooLarge => 413,
            Self::Range => 416,
            Self::Quota => 507,
            Self::Busy => 429,
            Self::Stalled => 408,
            Self::Unreachable => 503,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Invalid => "invalid_request",
            Self::WrongLength => "wrong_length",
            Self::WrongHash => "wrong_sha256",
            Self::Conflict => "conflict",
            Self::Gone => "gone",
            Self::TooLarge => "too_large",
            Self::Range => "range_not_satisfiable",
            Self::Quota => "quota_exceeded",
            Self::Busy => "too_many_transfers",
            Self::Stalled => "stalled",
            Self::Unreachable => "store_unavailable",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct Refusal {
    pub kind: Kind,
    pub message: String,
    /// Of `Kind::Range`: how many bytes the file has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<i64>,
}

impl Refusal {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), bytes: None }
    }

    /// The upload went away while it was written.
    pub fn gone() -> Self {
        Self::new(Kind::Gone, "the upload was deleted, or begun anew, while its bytes came")
    }

    pub fn not_found(file_id: &str) -> Self {
        let shown: String = file_id.chars().filter(|letter| !letter.is_control()).take(40).collect();
        Self::new(Kind::NotFound, format!("there is no file {shown:?} of yours; blender_list_files shows them"))
    }
}

/// The request is refused, or the server failed.
#[derive(Debug, Error)]
pub enum Error {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("storage: {0}")]
    Storage(#[from] StorageError),
    #[error("{0}")]
    Entropy(#[from] EntropyError),
    /// What the tables say does not fit together.
    #[error("files: {0}")]
    Broken(&'static str),
}
