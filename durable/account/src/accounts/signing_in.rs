//! Who gets in: signing up and in, with a password or a provider, and changing the password.

use kernel::ids::Entropy;
use kernel::params;
use kernel::storage::Sql;

use crate::accounts::command::{AfterLogin, Effect, From, Owner, Reply};
use crate::accounts::deletion;
use crate::accounts::error::AccountError;
use crate::accounts::outcome::{effects, granted_to, settle};
use crate::accounts::row::{create, exists, is_dev, owner};
use crate::failed_logins::Place;
use crate::usernames::Username;
use crate::{browser_sessions, codes, consents, grants, passwords};

pub fn sign_up(
    sql: &dyn Sql,
    username: &Username,
    password: &str,
    admin: bool,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<Reply, AccountError> {
    if exists(sql)? || deletion::is_pending(sql)? || username.is_of_identity() {
        return Ok(Reply::NameTaken);
    }
    if !passwords::is_acceptable(password) {
        return Ok(Reply::WeakPassword);
    }
    create(sql, username, false, now_ms, entropy)?;
    if admin {
        sql.query("UPDATE account SET admin = 1", &[])?;
    }
    passwords::set(sql, password, now_ms, entropy)?;
    session_started(sql, now_ms, entropy)
}

/// Signs the owner in. The edge has verified with the provider who this is.
pub fn sign_in_as(
    sql: &dyn Sql,
    username: &Username,
    display_name: &str,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<Reply, AccountError> {
    if deletion::is_pending(sql)? || !username.is_of_identity() {
        return Ok(Reply::NameTaken);
    }
    if !exists(sql)? {
        create(sql, username, false, now_ms, entropy)?;
    }
    sql.query(
        "UPDATE account SET display_name = ?1 WHERE display_name IS NULL OR display_name <> ?1",
        params![display_name],
    )?;
    session_started(sql, now_ms, entropy)
}

fn session_started(sql: &dyn Sql, now_ms: i64, entropy: &mut dyn Entropy) -> Result<Reply, AccountError> {
    let Some(owner) = owner(sql)? else { return Ok(Reply::NoSession) };
    Ok(Reply::SessionStarted { owner, session: browser_sessions::start(sql, now_ms, entropy)? })
}

/// Changes the password and signs everything out, access tokens included, because anybody who knew the old password may
/// have signed in somewhere.
pub fn change_password(
    sql: &dyn Sql,
    owner: &Owner,
    (session, old, new): (&str, &str, &str),
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<(Reply, Vec<Effect>), AccountError> {
    // A development account has its password in the configuration, and a provider's user has none here.
    if is_dev(sql)? || !passwords::is_set(sql)? {
        return Ok((Reply::NoSession, Vec::new()));
    }
    if !passwords::is_acceptable(new) {
        return Ok((Reply::WeakPassword, Vec::new()));
    }
    if !is_confirmed(sql, (session, old), now_ms, entropy)? {
        return Ok((Reply::WrongCredentials, Vec::new()));
    }
    passwords::set(sql, new, now_ms, entropy)?;
    browser_sessions::end_all(sql)?;
    consents::forget_all(sql)?;
    codes::forget_unused(sql, None)?;
    let revoked = grants::revoke_all(sql, now_ms)?;
    Ok((session_started(sql, now_ms, entropy)?, effects(owner, revoked)))
}

/// Whether the signed-in owner has typed the right password again (attempts count as at login). Where there is no
/// password, whether the owner has just signed in.
pub fn is_confirmed(
    sql: &dyn Sql,
    (session, password): (&str, &str),
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<bool, AccountError> {
    if !passwords::is_set(sql)? {
        return Ok(browser_sessions::is_fresh(sql, session, now_ms)?);
    }
    let place = Place::session(session);
    if place.is_paused(sql, now_ms)? {
        return Ok(false);
    }
    let right = passwords::verify(sql, password, now_ms, entropy)?;
    if right {
        place.forget(sql)?;
    } else {
        place.count(sql, now_ms)?;
    }
    Ok(right)
}

pub struct Login {
    pub username: Username,
    pub password: String,
    pub dev_password: Option<String>,
    pub from: From,
}

pub fn login(
    sql: &dyn Sql,
    login: &Login,
    then: AfterLogin,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<(Reply, Vec<Effect>), AccountError> {
    let place = owner(sql)?.map(|owner| match &login.from.browser {
        Some(browser) => Place::browser(browser),
        None => Place::network(&login.from.address, &owner.user_id),
    });
    if let Some(place) = &place
        && place.is_paused(sql, now_ms)?
    {
        passwords::pretend(&login.password)?;
        return Ok((Reply::WrongCredentials, Vec::new()));
    }
    let right = password_is_right(sql, login, now_ms, entropy)?;
    match &place {
        Some(place) if right => place.forget(sql)?,
        Some(place) => place.count(sql, now_ms)?,
        None => {}
    }
    if !right {
        return Ok((Reply::WrongCredentials, Vec::new()));
    }
    let Some(owner) = owner(sql)? else {
        return Ok((Reply::WrongCredentials, Vec::new()));
    };
    match then {
        AfterLogin::Session => {
            let session = browser_sessions::start(sql, now_ms, entropy)?;
            Ok((Reply::SessionStarted { owner, session }, Vec::new()))
        }
        AfterLogin::Grant(permission) => {
            let outcome = grants::grant(sql, &permission, now_ms, entropy);
            settle(outcome.map(|(granted, displaced)| (granted_to(&owner, granted), displaced)), &owner)
        }
    }
}

/// Computes one hash for any name, so that the response time does not tell whether the account exists. Only the right
/// password of a development account that is new or was changed in the configuration costs a second one.
fn password_is_right(
    sql: &dyn Sql,
    login: &Login,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<bool, AccountError> {
    let dev_right = login.dev_password.as_ref() == Some(&login.password);
    let found = exists(sql)?;
    if found && (login.dev_password.is_some() || !is_dev(sql)?) {
        let right = passwords::verify(sql, &login.password, now_ms, entropy)?;
        if !is_dev(sql)? || right == dev_right {
            return Ok(right);
        }
        // The password of a development account was changed in the configuration, which takes precedence over the
        // stored hash.
    } else {
        passwords::pretend(&login.password)?;
        if found || !dev_right || deletion::is_pending(sql)? {
            return Ok(false);
        }
        create(sql, &login.username, true, now_ms, entropy)?;
    }
    if dev_right {
        passwords::set(sql, &login.password, now_ms, entropy)?;
    }
    Ok(dev_right)
}
