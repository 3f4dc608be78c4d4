//! What goes over the wire: a JSON-RPC message and its id, an answer that fits into an event, and errors.

pub mod answer;
pub mod error;
mod event_size;
pub mod id;
pub mod message;
