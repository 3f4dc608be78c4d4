//! The outcome of a command: a reply, and effects to be performed.

use crate::accounts::command::{Effect, Owner, Reply};
use crate::accounts::error::AccountError;
use crate::grants::{GrantError, Granted};

pub fn done((): ()) -> Reply {
    Reply::Done
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
