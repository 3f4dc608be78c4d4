//! What the server offers, as data: tools, resources, prompts, skills, the app. One table each; a new tool is one more entry.
//!
//! Nothing here knows HTTP, a session or the bus: calls come in as names with JSON arguments and leave as typed values.

pub mod app;
pub mod completion;
pub mod prompts;
pub mod resources;
pub mod skills;
pub mod tools;

#[cfg(test)]
mod reference;
