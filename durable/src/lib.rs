//! The Durable Objects: decode, call `bus_core`, perform what it says.

pub mod runtime;
pub mod sockets;
mod sqlite;
mod user_bus;
mod waits;

pub use user_bus::UserBus;
