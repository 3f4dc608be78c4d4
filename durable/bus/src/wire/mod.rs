//! What others may know of a bus: the edge, peers over their sockets, and pages.

pub mod command;
pub mod envelope;
pub mod guests;
pub mod priority;
pub mod push;
pub mod record;
pub mod rights;
pub mod tables;
pub mod tool_parameters;
pub mod tool_result;
pub mod tools;
pub mod topics;
pub mod views;
