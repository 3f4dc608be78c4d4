//! What the edge asks of a user's files, and what it gets back.

use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

/// The header that says of a stream whose it is and what it is for: an `Ask` as JSON in base64url.
pub const ASK: &str = "x-files-ask";
/// The header of an answer that has completed an upload: the `File` as JSON.
pub const COMPLETED: &str = "x-files-completed";
/// The header of an answer about an upload: a `Standing` as JSON.
pub const STANDING: &str = "x-files-standing";

/// The header of a head: how many bytes a download would have.
pub const LENGTH: &str = "x-files-length";

/// Where content is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    Sqlite,
    R2,
}

impl Place {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::R2 => "r2",
        }
    }

    pub fn named(name: &str) -> Self {
        if name == Self::R2.name() { Self::R2 } else { Self::Sqlite }
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// The owner, or whoever holds a signed URL.
    Owner,
    Token(Token),
}

/// A token, as far as files mind it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Token {
    pub grant_id: String,
    /// The Blenders it is bound to; none for all of them.
    pub blenders: Option<Vec<String>>,
    /// A file that a job of one of its Blenders is about, which it may read besides.
    #[serde(default)]
    pub lent: Option<String>,
    /// It deletes and uploads only what it made itself.
    #[serde(default)]
    pub only_own: bool,
}

/// What makes a file: the Blender and the job where a job did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origin {
    pub blender: Option<String>,
    pub job_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub user_id: String,
    pub who: Who,
    pub command: Command,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Make an upload.
    Create(Create),
    /// The newest files first.
    List {
        after: Option<String>,
        limit: u32,
    },
    Get {
        file_id: String,
    },
    /// Those of them that are there and may be seen.
    Find {
        file_ids: Vec<String>,
    },
    /// A small file with its bytes.
    Read {
        file_id: String,
        at_most: i64,
    },
    Delete {
        file_id: String,
    },
    /// Keep it whatever its age, or no longer.
    Pin {
        file_id: String,
        pinned: bool,
    },
    /// The long result of a job as a file. The same again answers the same file.
    Keep(Keep),
    /// A page of them with who made each, and what is used: for the owner in the browser.
    Shelf {
        after: Option<String>,
        limit: u32,
    },
    /// All files, for the owner.
    Export,
    /// The account is deleted: drop everything.
    Erase,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Create {
    pub name: String,
    pub bytes: Option<i64>,
    pub sha256: Option<String>,
    pub mime_type: Option<String>,
    pub origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keep {
    pub job_id: String,
    pub blender: Option<String>,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Created(Created),
    File(File),
    Files {
        files: Vec<File>,
        next: Option<String>,
    },
    Shelf(Box<Shelf>),
    /// Its bytes in base64; none where it has more than asked for.
    Read {
        file: File,
        base64: Option<String>,
    },
    Done,
    Refused(Refusal),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Created {
    pub file_id: String,
    /// Until when the upload waits for its bytes. Unix seconds.
    pub expires_at: f64,
}

/// A file as clients see it, but for its URL. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct File {
    pub file_id: String,
    pub name: String,
    pub mime_type: String,
    pub bytes: i64,
    pub sha256: String,
    pub created_at: f64,
    /// None for one that is kept until it is deleted.
    pub expires_at: Option<f64>,
    /// The Blender and the job that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blender: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
}

/// A page of files as their owner sees it. Sizes are bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shelf {
    pub files: Vec<OnShelf>,
    pub next: Option<String>,
    /// What counts against the limits: files and open uploads, content that several share once.
    pub used_bytes: i64,
    pub used_files: i64,
    pub most_bytes: i64,
    pub most_files: i64,
    pub most_of_file: i64,
    /// How long a file is kept that is not pinned, in milliseconds.
    pub kept_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OnShelf {
    pub file: File,
    /// The grant that made it; empty for the owner in the browser, and for the bus.
    pub grant_id: String,
    /// It is a result that was too long for its job.
    pub is_result: bool,
}

/// How far an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub offset: i64,
    /// None where nobody has said how many bytes it is to have.
    pub length: Option<i64>,
    /// Unix milliseconds.
    pub expires_ms: i64,
}

/// A request with a stream of bytes in it, or in its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    pub user_id: String,
    pub who: Who,
    pub stream: Stream,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// The whole content. `length`: what the client has announced.
    Put {
        length: Option<i64>,
    },
    /// More of it, from `offset` on.
    Patch {
        offset: i64,
        length: Option<i64>,
    },
    Get(Conditions),
    /// How far an upload is, or the head of a file.
    Head(Conditions),
}

/// The headers that decide what a download is answered with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Conditions {
    pub range: Option<String>,
    pub if_none_match: Option<String>,
    pub if_range: Option<String>,
}
