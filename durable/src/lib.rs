//! The Durable Objects: decode, call `bus_core`, perform what it says.

pub mod runtime;
mod sqlite;
mod user_bus;

pub use user_bus::UserBus;
