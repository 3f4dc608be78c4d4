//! Notifications in the owner's browsers (Web Push): of what, to which browsers, how often, and what becomes of each.

pub mod browsers;
pub mod news;
pub mod outbox;
pub mod owner;
pub mod pace;
pub mod words;
