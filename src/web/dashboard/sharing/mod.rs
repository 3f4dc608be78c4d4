//! Sharing a Blender: `/shares`, where the owner makes and ends links, and `/share/*`, where they lead.
//!
//! A link has its secret in the path. The first visit moves it into a cookie and goes on to an address without it, so that
//! neither the history nor a `Referer` has it.

mod acts;
mod guest;
mod links;
mod visit;

pub use links::shares;
pub use visit::share;
