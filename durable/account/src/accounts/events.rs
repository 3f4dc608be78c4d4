//! Which commands are written to the audit log, and how.

use kernel::storage::{Sql, StorageError};

use crate::accounts::command::{AfterLogin, Authority, Command, InBrowser, Reply};
use crate::accounts::row::exists;
use crate::audit::{self, Event};
use crate::grants;
use crate::import::Made;

/// The audit event of a command. It is made before the command runs, because the command may delete the names it needs.
pub fn of(sql: &dyn Sql, command: &Command) -> Result<Option<Event>, StorageError> {
    let named = |what: &str, name: &str| Some(Event::of(what, name));
    Ok(match command {
        Command::Login { then, from, .. } => {
            let (what, client) = match then {
                AfterLogin::Session => ("signed in with the password", ""),
                AfterLogin::Grant(permission) => ("signed in with the password", permission.client_name.as_str()),
            };
            Some(Event::of(what, client).from(&from.address))
        }
        Command::SignInAs { .. } => named("signed in by the provider", ""),
        Command::SignUp { .. } => named("account made", ""),
        Command::InBrowser { does, .. } => in_browser(sql, does)?,
        Command::CreateAccessToken { by, new } => {
            let client = match by {
                Authority::Session { .. } => String::new(),
                Authority::Grant { grant_id, .. } => name_of_grant(sql, grant_id)?,
            };
            Some(Event::of("access token made", &client).about(format!("{}: {}", new.name, new.scopes)))
        }
        Command::RevokeAccessToken { token_id, .. } => {
            Some(Event::of("access token revoked", "").about(name_of_grant(sql, token_id)?))
        }
        Command::RevokeGrant { grant_id, .. } => named("client signed itself out", &name_of_grant(sql, grant_id)?),
        Command::RevokeToken { client_id, .. } => named("client signed itself out", &name_of_client(sql, client_id)?),
        Command::Refresh(refresh) => named("refresh token used twice", &name_of_client(sql, &refresh.client_id)?),
        Command::Exchange(exchange) => named("code used twice", &name_of_client(sql, &exchange.client_id)?),
        _ => None,
    })
}

fn in_browser(sql: &dyn Sql, does: &InBrowser) -> Result<Option<Event>, StorageError> {
    let named = |what: &str, name: &str| Some(Event::of(what, name));
    Ok(match does {
        InBrowser::IssueCode { permission, .. } => {
            Some(Event::of("client allowed", &permission.client_name).about(permission.scopes.to_string()))
        }
        InBrowser::AllowDevice { permission, .. } => {
            Some(Event::of("device allowed", &permission.client_name).about(permission.scopes.to_string()))
        }
        InBrowser::ForgetClient { client_id } => named("client revoked", &name_of_client(sql, client_id)?),
        InBrowser::ApproveAccessToken { grant_id, new } => {
            let client = name_of_grant(sql, grant_id)?;
            Some(Event::of("access token agreed to", &client).about(format!("{}: {}", new.name, new.scopes)))
        }
        InBrowser::Share { new } => Some(Event::of("Blender shared", &new.name).about(new.scopes().to_string())),
        InBrowser::EndShare { share_id } => named("share link ended", &name_of_grant(sql, share_id)?),
        InBrowser::Export => named("data downloaded", ""),
        InBrowser::Import { .. } => named("data of another server imported", ""),
        InBrowser::ChangePassword { .. } => named("password changed", ""),
        InBrowser::Delete { .. } => named("deletion asked for", ""),
        InBrowser::MakeInvite => named("invitation made", ""),
        _ => None,
    })
}

/// Writes the event if the command succeeded. Of refusals only failed sign-ins and reused codes or tokens are written.
pub fn note(sql: &dyn Sql, event: &Event, reply: &Reply, now_ms: i64) -> Result<(), StorageError> {
    // An account that was just deleted, or never existed, has no audit log.
    if !exists(sql)? {
        return Ok(());
    }
    let reused = event.what.ends_with("used twice");
    match reply {
        Reply::Imported { imported } => {
            for Made { listed, .. } in &imported.made {
                let made = Event::of("access token made", "").about(format!("{}: {}", listed.name, listed.scopes));
                audit::note(sql, &made, now_ms)?;
            }
            audit::note(sql, event, now_ms)
        }
        Reply::Refused { reason: grants::Refusal::Reused } if reused => audit::note(sql, event, now_ms),
        Reply::WrongCredentials if event.what.starts_with("signed in") => {
            audit::note(sql, &Event::failed_sign_in(&event.address), now_ms)
        }
        Reply::WrongCredentials => {
            let refused = Event::of("wrong password", "").about(event.what.clone());
            audit::note(sql, &refused, now_ms)
        }
        Reply::Granted { .. }
        | Reply::SessionStarted { .. }
        | Reply::Code { .. }
        | Reply::AccessTokenMade { .. }
        | Reply::ShareMade { .. }
        | Reply::Invite { .. }
        | Reply::Export { .. }
        | Reply::Done
            if !reused =>
        {
            audit::note(sql, event, now_ms)
        }
        _ => Ok(()),
    }
}

fn name_of_grant(sql: &dyn Sql, grant_id: &str) -> Result<String, StorageError> {
    name(sql, "grant_id", grant_id)
}

fn name_of_client(sql: &dyn Sql, client_id: &str) -> Result<String, StorageError> {
    name(sql, "client_id", client_id)
}

fn name(sql: &dyn Sql, column: &str, value: &str) -> Result<String, StorageError> {
    if !exists(sql)? {
        return Ok(String::new());
    }
    let statement = format!("SELECT client_name FROM grants WHERE {column} = ? ORDER BY created_ms DESC LIMIT 1");
    let rows = sql.query(&statement, kernel::params![value])?;
    Ok(rows.first().map(|row| row.text(0)).transpose()?.unwrap_or_default())
}
