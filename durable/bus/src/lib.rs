//! Everything that decides about a user's bus. A turn takes the database, who is there, the time and randomness, and leaves
//! effects for the object to perform. Each room knows only those below it; from the ground up:
//!
//! - `wire`: what the edge, peers and pages may know: commands, records, envelopes, tools, views.
//! - `turn`: one synchronous turn, with who is present, what is remembered, and what it asks to be done.
//! - `rows`: a table each, and nothing else.
//! - `push`: notifications in the owner's browsers.
//! - `delivery`: jobs and messages on their way: routing, the window of a peer, a job from its making to its end.
//! - `clients`: who attaches and leaves, by a socket or by the stream of a session.
//! - `requests`: what the tools and pages ask for, and how a request waits.
//! - `announce`, `alarm`, `peer`: telling what has changed, what is due, and what a peer says.
//! - `serve`: a command in, an outcome out.

pub mod alarm;
pub mod announce;
pub mod clients;
pub mod delivery;
pub mod peer;
pub mod push;
pub mod requests;
pub mod rows;
pub mod schema;
pub mod serve;
pub mod turn;
pub mod wire;

#[cfg(test)]
mod tests;
