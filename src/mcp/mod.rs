//! MCP over HTTP: revision 2026-07-28 without sessions, and 2025-03-26 to 2025-11-25 with them, on `/` and `/mcp`.
//!
//! A request arrives through `transport`, is parsed as a message (`wire`) of one `era`, and becomes a `context`, which one of
//! the `methods` turns into an answer (`wire` too). `transport` sends it.

mod context;
mod era;
mod methods;
mod reports;
mod transport;
mod wire;

pub use transport::serve;
