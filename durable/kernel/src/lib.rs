//! What accounts and buses have in common. It knows no domain, no runtime, no clock and no socket.
//!
//! - `storage`: the database as everything above sees it, and `migrate`, which brings its schema up to date.
//! - `ids` and `secrets`: names and secrets made of randomness that is handed in.
//! - `arguments`: one table for the parameters of a tool, from which come its schema and its checks.
//! - `scopes` and `access`: what a token may do, and in which Blenders.
//! - `json`, `text`, `shorten`, `trace`: reading JSON, cutting texts and documents, and what a log line says.

pub mod access;
pub mod arguments;
pub mod ids;
pub mod json;
pub mod migrate;
pub mod scopes;
pub mod secrets;
pub mod shorten;
pub mod storage;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod text;
pub mod trace;

#[cfg(test)]
mod tests;
