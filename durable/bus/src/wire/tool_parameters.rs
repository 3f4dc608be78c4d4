//! What the tools of the bus have in common: limits of their parameters, and the shape of their tables.

use kernel::arguments::Param;

/// Characters of a client's uuid, of a group's name, of a job's id.
pub const MAX_ID: usize = 128;

/// Characters of a client's type or of a job's status.
pub const MAX_WORD: usize = 64;

/// Jobs that a peer says it still has.
pub const MAX_OPEN_JOBS: usize = 10_000;
pub const MAX_CAPABILITIES: usize = 64;

pub const MAX_CAPABILITY: usize = 128;

/// Characters of a job's error message. The result has its own limit, in bytes, where jobs are kept.
pub const MAX_ERROR: usize = 1_048_576;

/// Seconds that a call may wait for a change or a message.
pub const MAX_WAIT_SECONDS: f64 = 50.0;

/// As a target it means the peer that connected last, so no client may be called that.
pub const LATEST: &str = "latest";

/// A tool's name and its parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ToolParameters {
    pub name: &'static str,
    pub parameters: &'static [Param],
}
