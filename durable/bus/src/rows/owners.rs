//! Whose a client's name is: the grant's that registered it. Another grant of the user takes it only as a later sign-in of the
//! same program, or once its owner has let it go.

use kernel::params;
use kernel::scopes::Scopes;

use crate::turn::Turn;
use crate::turn::error::{Error, Rejection};
use crate::wire::command::{Caller, SignIn};

/// What only the bus itself is called.
const RESERVED: &str = "server:";

/// What a registration means for the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It is the grant's, or was nobody's.
    Own,
    /// It moves here from an earlier sign-in of the same program.
    Moved,
}

/// What a name is to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// No grant has it.
    Nobodys,
    Own,
    /// An earlier sign-in of the same program has it, so it is the caller's to take.
    Earlier,
    Anothers,
}

fn standing(turn: &Turn<'_>, uuid: &str) -> Result<Standing, Error> {
    // The server itself, for the owner, may do all.
    let Some(caller) = &turn.caller else { return Ok(Standing::Own) };
    let rows = turn.sql.query("SELECT grant_id, client_key, granted_ms FROM clients WHERE uuid = ?", params![uuid])?;
    let Some(row) = rows.first() else { return Ok(Standing::Nobodys) };
    // A sign-in of the future was made by a wrong clock: any of now is later.
    let before_ms = row.optional_integer(2)?.map(|at_ms| if at_ms > turn.now_ms { 0 } else { at_ms });
    let before = row.optional_text(1)?.zip(before_ms);
    Ok(match (row.optional_text(0)?, &caller.sign_in, before) {
        (None, _, _) => Standing::Nobodys,
        (Some(owner), _, _) if owner == caller.grant_id => Standing::Own,
        (_, Some(SignIn { client_key, at_ms }), Some((key, before_ms))) if *client_key == key && *at_ms > before_ms => {
            Standing::Earlier
        }
        _ => Standing::Anothers,
    })
}

/// Whether the caller may register this name.
///
/// # Errors
/// `Rejection::Reserved` and `Rejection::NotYours`.
pub fn claim(turn: &Turn<'_>, uuid: &str) -> Result<Claim, Error> {
    may_speak_as(turn, uuid)?;
    Ok(if standing(turn, uuid)? == Standing::Earlier { Claim::Moved } else { Claim::Own })
}

/// Writes whose the name is from now on: its row is there.
pub fn note(turn: &Turn<'_>, uuid: &str) -> Result<(), Error> {
    let Some(Caller { grant_id, sign_in, .. }) = &turn.caller else { return Ok(()) };
    let key = sign_in.as_ref().map(|sign_in| sign_in.client_key.clone());
    let at_ms = sign_in.as_ref().map(|sign_in| sign_in.at_ms);
    turn.sql.query(
        "UPDATE clients SET grant_id = ?1, client_key = ?2, granted_ms = ?3
         WHERE uuid = ?4 AND (grant_id IS NOT ?1 OR client_key IS NOT ?2 OR granted_ms IS NOT ?3)",
        params![grant_id.as_str(), key, at_ms, uuid],
    )?;
    Ok(())
}

/// Whether the name is the caller's own, or the caller's to take.
pub fn is_own(turn: &Turn<'_>, uuid: &str) -> Result<bool, Error> {
    Ok(matches!(standing(turn, uuid)?, Standing::Own | Standing::Earlier))
}

/// Whether another grant has the name.
pub fn is_anothers(turn: &Turn<'_>, uuid: &str) -> Result<bool, Error> {
    Ok(standing(turn, uuid)? == Standing::Anothers)
}

/// Whether the caller may send in this name.
///
/// # Errors
/// `Rejection::Reserved` and `Rejection::NotYours`.
pub fn may_speak_as(turn: &Turn<'_>, uuid: &str) -> Result<(), Error> {
    if is_reserved(uuid) {
        return Err(Rejection::Reserved { uuid: uuid.to_owned() }.into());
    }
    if is_anothers(turn, uuid)? {
        return Err(Rejection::NotYours { uuid: uuid.to_owned() }.into());
    }
    Ok(())
}

/// Whether the caller's token has this scope. The server itself, for the owner, may do all.
pub fn has_scope(turn: &Turn<'_>, scope: Scopes) -> bool {
    turn.caller.as_ref().is_none_or(|caller| caller.scopes.contains(scope))
}

fn is_reserved(uuid: &str) -> bool {
    uuid.get(..RESERVED.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESERVED))
}

/// The name is nobody's from now on: the next to register it has it. Says whether there is such a client.
pub fn release(turn: &Turn<'_>, uuid: &str) -> Result<bool, Error> {
    let freed = turn.sql.query(
        "UPDATE clients SET grant_id = NULL, client_key = NULL, granted_ms = NULL WHERE uuid = ? RETURNING 1",
        params![uuid],
    )?;
    Ok(!freed.is_empty())
}

/// A grant was revoked: what it had registered is nobody's.
pub fn release_of_grant(turn: &Turn<'_>, grant_id: &str) -> Result<(), Error> {
    turn.sql.query(
        "UPDATE clients SET grant_id = NULL, client_key = NULL, granted_ms = NULL WHERE grant_id = ?",
        params![grant_id],
    )?;
    Ok(())
}
