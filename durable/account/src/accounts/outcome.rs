//! What a command comes to: a reply, effects that are owed, or an error.

use kernel::ids::EntropyError;
use kernel::storage::StorageError;
use thiserror::Error;

use crate::accounts::command::{Effect, Owner, Reply};
use crate::browser_sessions::SessionError;
use crate::grants::{GrantError, Granted};
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

pub fn granted_to(owner: &Owner, granted: Granted) -> Reply {
    Reply::Granted { owner: owner.clone(), granted }
}

pub fn effects(owner: &Owner, revoked: impl IntoIterator<Item = String>) -> Vec<Effect> {
    let tell = |grant_id| Effect::RevokeOnBus { user_id: owner.user_id.clone(), grant_id };
    revoked.into_iter().map(tell).collect()
}

/// Turns the outcome of a grant operation into a reply. A refusal is a reply; any other failure is an error.
pub fn settle(
    outcome: Result<(Reply, Vec<String>), GrantError>,
    owner: &Owner,
) -> Result<(Reply, Vec<Effect>), AccountError> {
    match outcome {
        Ok((reply, revoked)) => Ok((reply, effects(owner, revoked))),
        Err(GrantError::Refused { reason, revoked }) => Ok((Reply::Refused { reason }, effects(owner, revoked))),
        Err(GrantError::Storage(error)) => Err(error.into()),
        Err(GrantError::Entropy(error)) => Err(error.into()),
    }
}
