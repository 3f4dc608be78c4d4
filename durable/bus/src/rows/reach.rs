//! Which clients a caller reaches: all of its user's, or those that its token is bound to. To a bound token any other client is
//! as if it were not there, and so are that client's jobs and messages.

use kernel::access::Bound;
use kernel::params;
use kernel::storage::Value as Parameter;

use crate::turn::Turn;
use crate::turn::error::{Error, Rejection};
use crate::wire::views::ClientInfo;

/// Whether the caller reaches this client.
pub fn includes(turn: &Turn<'_>, uuid: &str) -> Result<bool, Error> {
    Ok(match &turn.bound {
        None => true,
        Some(Bound::Blender(own)) => own == uuid,
        Some(Bound::Group(group)) => {
            let statement = "SELECT 1 FROM clients WHERE uuid = ? AND group_id = ?";
            !turn.sql.query(statement, params![uuid, group.as_str()])?.is_empty()
        }
    })
}

/// # Errors
/// `Rejection::Beyond` for a client that the caller does not reach, whether there is one or not.
pub fn check(turn: &Turn<'_>, uuid: &str) -> Result<(), Error> {
    if includes(turn, uuid)? { Ok(()) } else { Err(beyond(turn, uuid)) }
}

/// Whether the caller may register a client of this name in this group. `known`: as it is registered now.
///
/// # Errors
/// `Rejection::Beyond`.
pub fn may_register(
    turn: &Turn<'_>,
    uuid: &str,
    group_id: Option<&str>,
    known: Option<&ClientInfo>,
) -> Result<(), Error> {
    let Some(Bound::Group(group)) = &turn.bound else { return check(turn, uuid) };
    // Jobs outlive their client's row: whoever takes up its name would have them.
    let has_jobs = || turn.sql.query("SELECT 1 FROM jobs WHERE target_uuid = ? LIMIT 1", params![uuid]);
    let was_outside = match known {
        Some(known) => known.group_id.as_ref() != Some(group),
        None => !has_jobs()?.is_empty(),
    };
    if group_id == Some(group) && !was_outside { Ok(()) } else { Err(beyond(turn, uuid)) }
}

fn beyond(turn: &Turn<'_>, uuid: &str) -> Error {
    let bound = turn.bound.as_ref().map(Bound::shown).unwrap_or_default();
    Rejection::Beyond { uuid: uuid.to_owned(), bound }.into()
}

/// The SQL condition that a column names a client which the caller reaches, and its parameter.
pub fn condition(turn: &Turn<'_>, column: &str) -> (String, Option<Parameter>) {
    match &turn.bound {
        None => ("1".to_owned(), None),
        Some(Bound::Blender(own)) => (format!("{column} = ?"), Some(Parameter::from(own.as_str()))),
        Some(Bound::Group(group)) => (
            format!("{column} IN (SELECT uuid FROM clients WHERE group_id = ?)"),
            Some(Parameter::from(group.as_str())),
        ),
    }
}
