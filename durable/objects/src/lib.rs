//! The Durable Objects: decode, call `bus` or `account`, perform what it says.

mod account;
mod buffers;
mod counting;
mod device;
mod files;
mod key_ring;
mod metrics;
mod push;
mod sleepers;
pub mod sockets;
mod sqlite;
mod unread;
mod user_bus;
mod waits;

pub use account::Account;
pub use device::DeviceSignIn;
pub use files::Files;
pub use key_ring::KeyRing;
pub use metrics::Metrics;
pub use user_bus::{UserBus, status};
