//! What the server itself keeps: its keys, whether somebody has set it up, and which names have an account.

pub mod keys;
pub mod names;
pub mod push;
pub mod setup;
