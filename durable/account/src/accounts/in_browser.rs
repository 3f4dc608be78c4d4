//! What the owner does in a browser that is signed in.

use kernel::ids::Entropy;
use kernel::storage::{Sql, StorageError};

use crate::accounts::command::{Effect, InBrowser, Owner, Reply};
use crate::accounts::error::AccountError;
use crate::accounts::outcome::{done, effects, settle};
use crate::accounts::signing_in::{change_password, is_confirmed};
use crate::accounts::{deletion, shares, tokens};
use crate::codes::CodeBinding;
use crate::consents::Consent;
use crate::failed_logins::DeviceCode;
use crate::grants::Permission;
use crate::{audit, browser_sessions, codes, consents, export, grants, invites, passwords, shares as links};

/// Performs a command of the owner, if the session is live.
///
/// # Errors
/// `AccountError` if the database or the source of randomness fails.
pub fn perform(
    sql: &dyn Sql,
    owner: &Owner,
    session: &str,
    does: InBrowser,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<(Reply, Vec<Effect>), AccountError> {
    if !browser_sessions::is_live(sql, session, now_ms)? {
        return Ok((does.without_session(), Vec::new()));
    }
    let reply = match does {
        InBrowser::ForgetClient { client_id } => return forget_client(sql, owner, &client_id, now_ms),
        InBrowser::ChangePassword { old, new } => {
            return change_password(sql, owner, (session, &old, &new), now_ms, entropy);
        }
        InBrowser::Delete { password } => return delete(sql, owner, (session, &password), now_ms, entropy),
        InBrowser::IssueCode { permission, binding, consent } => {
            return issue_code(sql, owner, &permission, &binding, consent, now_ms, entropy);
        }
        InBrowser::Who => Reply::Owner { owner: owner.clone() },
        InBrowser::SignOut => done(browser_sessions::end(sql, session)?),
        InBrowser::ListClients => Reply::Clients { clients: consents::allowed(sql, now_ms)? },
        InBrowser::NamesOfGrants { grant_ids } => Reply::NamesOfGrants { names: grants::names(sql, &grant_ids)? },
        InBrowser::TryDeviceCode => try_device_code(sql, now_ms)?,
        InBrowser::FoundDeviceCode => done(DeviceCode::forget(sql)?),
        InBrowser::AllowDevice { permission, secret_hash, lifetime_ms } => {
            codes::issue_to_device(sql, &permission, &secret_hash, (now_ms, lifetime_ms))?;
            Reply::Done
        }
        InBrowser::AskingClient { grant_id } => asking_client(sql, &grant_id, now_ms)?,
        InBrowser::ApproveAccessToken { grant_id, new } => tokens::approve(sql, &grant_id, &new, now_ms)?,
        InBrowser::Share { new } => shares::make(sql, &new, now_ms, entropy)?,
        InBrowser::ListShares => Reply::Shares { shares: links::list(sql, now_ms)? },
        InBrowser::EndShare { share_id } => return shares::end(sql, owner, &share_id, now_ms),
        InBrowser::ListAudit => Reply::Audit { entries: audit::list(sql, now_ms)? },
        InBrowser::Export => export::read(sql, now_ms)?
            .map_or(Reply::NoSession, |exported| Reply::Export { exported: Box::new(exported) }),
        InBrowser::Import { tokens, audience } => tokens::import(sql, &tokens, &audience, now_ms, entropy)?,
        InBrowser::Standing => {
            Reply::Standing { is_administrator: is_admin(sql)?, has_password: passwords::is_set(sql)? }
        }
        InBrowser::MakeInvite if !is_admin(sql)? => Reply::NoInvite,
        InBrowser::MakeInvite => Reply::Invite { invite: invites::make(sql, now_ms, entropy)? },
    };
    Ok((reply, Vec::new()))
}

fn issue_code(
    sql: &dyn Sql,
    owner: &Owner,
    permission: &Permission,
    binding: &CodeBinding,
    consent: Consent,
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<(Reply, Vec<Effect>), AccountError> {
    if !consents::is_given(sql, consent, permission, &binding.redirect_uri, now_ms)? {
        return Ok((Reply::NotConsented, Vec::new()));
    }
    let code = codes::issue(sql, permission, binding, now_ms, entropy);
    settle(code.map(|code| (Reply::Code { code }, Vec::new())), owner)
}

fn forget_client(
    sql: &dyn Sql,
    owner: &Owner,
    client_id: &str,
    now_ms: i64,
) -> Result<(Reply, Vec<Effect>), AccountError> {
    if grants::is_made_by_hand(client_id) {
        return Ok((Reply::NoSession, Vec::new()));
    }
    consents::forget(sql, client_id)?;
    codes::forget_unused(sql, Some(client_id))?;
    Ok((Reply::Done, effects(owner, grants::revoke_all_of(sql, client_id, now_ms)?)))
}

fn try_device_code(sql: &dyn Sql, now_ms: i64) -> Result<Reply, AccountError> {
    if DeviceCode::is_paused(sql, now_ms)? {
        return Ok(Reply::Paused);
    }
    // Count the attempt before checking it, so that concurrent guesses each count.
    DeviceCode::count(sql, now_ms)?;
    Ok(Reply::Done)
}

fn asking_client(sql: &dyn Sql, grant_id: &str, now_ms: i64) -> Result<Reply, AccountError> {
    let held = grants::held(sql, grant_id, now_ms)?;
    let client = held.filter(|client| !grants::is_made_by_hand(&client.client_id));
    Ok(client.map_or(Reply::NoAccessToken, |client| Reply::Asking { client }))
}

/// Erases the account, and lists what is still to be erased elsewhere.
fn delete(
    sql: &dyn Sql,
    owner: &Owner,
    (session, password): (&str, &str),
    now_ms: i64,
    entropy: &mut dyn Entropy,
) -> Result<(Reply, Vec<Effect>), AccountError> {
    if !is_confirmed(sql, (session, password), now_ms, entropy)? {
        return Ok((Reply::WrongCredentials, Vec::new()));
    }
    deletion::begin(sql, owner, is_admin(sql)?)?;
    Ok((Reply::Done, deletion::owed(sql)?))
}

fn is_admin(sql: &dyn Sql) -> Result<bool, StorageError> {
    sql.query("SELECT admin FROM account", &[])?.first().map_or(Ok(false), |row| row.boolean(0))
}
