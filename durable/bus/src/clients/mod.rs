//! Who attaches and leaves: the registry, event streams of sessions, and sockets.

pub mod arrival;
pub mod registry;
pub mod sockets;
pub mod streams;
