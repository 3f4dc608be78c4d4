//! MCP over HTTP: methods, headers, body sizes, origins, batches, and whether an answer is JSON or a stream.

mod accepts;
mod endpoint;
pub mod origin;
mod post;
mod respond;
mod streaming;

pub use endpoint::serve;
