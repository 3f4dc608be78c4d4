//! The Durable Objects: decode, call `bus_core`, perform what it says.

mod user_bus;

pub use user_bus::UserBus;
