//! OAuth clients. `configured`: registered by the operator. `record`: registered by themselves. `document`: described
//! by the https URL that is their id. `registry` finds a client in all three.

mod configured;
pub mod document;
pub mod metadata;
mod model;
pub mod record;
mod registry;

pub use model::{Client, MAX_CLIENT_ID_BYTES, PASSWORD_CLIENT, PASSWORD_CLIENT_NAME, Secret, SecretBy};
