//! What can fail while a command of an account is performed. None of it is the caller's fault.

use kernel::ids::EntropyError;
use kernel::storage::StorageError;
use thiserror::Error;

use crate::browser_sessions::SessionError;
use crate::passwords::PasswordError;

#[derive(Debug, Error)]
pub enum AccountError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    #[error(transparent)]
    Password(#[from] PasswordError),
}

impl From<SessionError> for AccountError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Storage(error) => Self::Storage(error),
            SessionError::Entropy(error) => Self::Entropy(error),
        }
    }
}
