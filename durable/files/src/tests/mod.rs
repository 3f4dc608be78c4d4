//! A user's files on SQLite in memory.

mod access;
mod cleaning;
mod uploads;
mod world;
