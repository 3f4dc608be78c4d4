//! MCP over HTTP: revision 2026-07-28 without sessions, and 2025-03-26 to 2025-11-25 with them, on `/` and `/mcp`.

mod account_tools;
mod completion;
mod dispatch;
pub mod endpoint;
mod era;
mod error;
mod message;
mod methods;
pub mod origin;
mod post;
mod prompts;
mod reports;
mod resources;
pub mod sse;
mod subscriptions;
mod tasks;
mod tools;
mod which_blender;
