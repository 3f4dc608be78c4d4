//! MCP over HTTP: methods, headers, body sizes, batches, and whether an answer is JSON or a stream.

mod accepts;
mod endpoint;
mod post;
mod respond;
mod streaming;

pub use endpoint::serve;
