//! What tools and pages ask of the bus, one file a subject; `wait` is how a request waits.

pub mod batches;
pub mod calls;
pub mod counters;
pub mod dispatch;
pub mod export;
pub mod file_access;
pub mod guests;
pub mod job_news;
pub mod job_tools;
pub mod listen;
pub mod messages;
pub mod overview;
pub mod questions;
pub mod tasks;
pub mod wait;
