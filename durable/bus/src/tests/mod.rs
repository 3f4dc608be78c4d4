//! Tests of the bus as a whole: turns on SQLite in memory, one file a subject.

#![allow(clippy::arithmetic_side_effects, clippy::cloned_ref_to_slice_refs)]

mod bound;
mod busy;
mod dispatch;
mod endings;
mod erasure;
mod export;
mod extra;
mod growth;
mod guests;
mod histories;
mod job_tools;
mod limits;
mod listening;
mod messages;
mod model;
mod ops;
mod overview;
mod owners;
mod parts;
mod peers;
mod proof;
mod push;
mod questions;
mod registry;
mod sessions;
mod sizes;
mod streams;
mod subscriptions;
mod timers;
mod trace;
mod world;
