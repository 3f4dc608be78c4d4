//! Everything that decides about a user's files. Functions take the database, the time and randomness, and say what came of it.
//!
//! - `wire`: what the edge asks and gets; `refusal`: why not.
//! - `limits`, `names`: how much, and which names and types.
//! - `rows`: the tables. `usage`: what counts against the quota.
//! - `writing`: an upload while its bytes come, one 1 MiB chunk after the other, with the SHA-256 of what is stored.
//! - `parts`: what of an upload is in R2 already.
//! - `reading`: which bytes a download is answered with.
//! - `commands`: all that is no stream. `cleaning`: what grows old, and what nobody has any more.
//!
//! Bytes are kept in rows of at most 1 MiB here, or in R2, where an upload's last bytes wait here until they make a part.

pub mod cleaning;
pub mod commands;
pub mod limits;
pub mod names;
pub mod parts;
pub mod reading;
pub mod refusal;
pub mod rows;
pub mod schema;
mod usage;
pub mod wire;
pub mod writing;

#[cfg(test)]
mod tests;
