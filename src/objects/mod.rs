//! Stubs of the Durable Objects: a typed command, one hop, a typed reply. One file for each object.

pub mod account;
pub mod bus;
pub mod device;
pub mod files;
pub mod key_ring;
pub mod metrics;
mod object;
