//! Tests of the bus as a whole: turns on SQLite in memory, one file a subject.

mod dispatch;
mod job_tools;
mod messages;
mod peers;
mod registry;
mod schema;
mod sessions;
mod timers;
mod world;
