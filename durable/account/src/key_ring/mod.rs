//! What the server itself keeps: its signing keys, and whether somebody has set it up.

pub mod keys;
pub mod setup;
