//! A table each: reading and writing its rows, and noting what has changed. Nothing here sends or decides.

pub mod away;
pub mod clients;
pub mod guests;
pub mod inbox;
pub mod jobs;
pub mod origins;
pub mod owners;
pub mod pictures;
pub mod reach;
pub mod revocations;
pub mod sessions;
pub mod subscriptions;
pub mod timers;
