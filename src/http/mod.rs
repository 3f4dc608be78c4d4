//! What every endpoint needs of HTTP: errors, forms and bodies, limits of one address, redirects, event streams, and
//! requests to other servers. Knows no endpoint.

pub mod error;
pub mod event_stream;
pub mod form;
pub mod limits;
pub mod outbound;
pub mod redirect;
