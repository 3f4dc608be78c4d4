//! What can go wrong in the object with the files.

use ::files::refusal::{Error as CoreError, Refusal};
use kernel::storage::StorageError;
use thiserror::Error;
use worker::Error as RuntimeError;

/// Why a request has no answer of its own.
#[derive(Debug, Error)]
pub enum Failure {
    #[error(transparent)]
    Core(#[from] CoreError),
    #[error("runtime: {0}")]
    Runtime(#[from] RuntimeError),
    #[error("json: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self::Core(error.into())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Core(refusal.into())
    }
}
