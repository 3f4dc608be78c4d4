//! Metrics of the whole server: what is counted (`families`), how an object or an isolate of the edge counts (`tally`), how
//! the one object that collects keeps it (`store`) and how a scrape reads (`text`). No name of a user or client is part
//! of it.

pub mod families;
pub mod store;
pub mod tally;
pub mod text;

/// The variable that holds the token for `/metrics`. Without it nothing is counted.
pub const TOKEN: &str = "METRICS_TOKEN";

/// A shorter token could be guessed, and counts as none.
const MIN_TOKEN_CHARACTERS: usize = 16;

/// Whether a value of [`TOKEN`] is one.
pub fn is_token(value: &str) -> bool {
    value.trim().chars().count() >= MIN_TOKEN_CHARACTERS
}
