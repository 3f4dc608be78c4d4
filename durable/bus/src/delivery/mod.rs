//! Jobs and messages on their way.
//!
//! `routing` says for whom something is, `post` sends or keeps it, `window` says how much a peer is sent at once, and
//! `lifecycle` takes a job from its making to its end. `endings` are those that nobody reports. `parts` of a range of
//! frames go from member to member of a group. `guests` have few jobs, and most of those wait for the owner.

pub mod endings;
pub mod guests;
pub mod lifecycle;
pub mod parts;
pub mod post;
pub mod proof;
pub mod routing;
pub mod window;
