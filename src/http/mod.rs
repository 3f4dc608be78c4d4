//! HTTP shared by all endpoints: errors, bodies and parameters, rate limits, CORS, redirects, event streams, and
//! requests to other servers. Knows no endpoint.

pub mod address;
pub mod body;
pub mod cors;
pub mod error;
pub mod event_stream;
pub mod headers;
pub mod limits;
pub mod outbound;
pub mod parameters;
pub mod redirect;
