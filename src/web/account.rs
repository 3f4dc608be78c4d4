//! `/account`: changes the password, deletes the account, and makes invitations for administrators.

use account::accounts::{InBrowser, Reply};
use account::passwords::{MAX_BYTES, MIN_CHARACTERS};
use worker::{Env, Response};

use crate::config::{Config, Signup};
use crate::http::error::Error;
use crate::http::parameters::Parameters;
use crate::http::redirect::see_other;
use crate::oauth::personal_tokens;
use crate::objects::account::CredentialKind;
use crate::objects::key_ring::Keys;
use crate::request::Request;
use crate::routes::Page;
use crate::site::Site;
use crate::web::browser::{Session, page, start_session};
use crate::web::notifications::here;
use crate::web::pages::account::Account as AccountPage;
use crate::web::posted_form::{PostedForm, form_token};
use crate::web::return_to::sign_in_first;
use crate::web::screens;

/// The outcome of a form on the page.
#[derive(Default)]
struct Outcome {
    error: Option<String>,
    done: Option<&'static str>,
    invite: Option<String>,
    /// The session that replaces the current one.
    session: Option<String>,
}

impl Outcome {
    fn failed(error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..Self::default() }
    }
}

pub async fn account(request: &mut Request, env: &Env) -> Result<Response, Error> {
    let config = Config::of(env);
    let site = Site::of(request, &config)?;
    let posted = PostedForm::of(request, &site).await?;
    let Some(mut session) = Session::of(request, env, &site).await? else {
        return sign_in_first(Page::Account);
    };
    let outcome = match posted {
        None => Outcome::default(),
        Some(form) => {
            let parameters = form.of_session(env, Page::Account, &session, "").await?;
            match parameters.optional("action")? {
                Some("invite") => invite(&session, &site, &config).await?,
                Some("delete") => match delete(&parameters, &session).await? {
                    Some(refused) => refused,
                    None => return screens::deleted(&site),
                },
                _ => change_password(&parameters, &session).await?,
            }
        }
    };
    if let Some(credential) = &outcome.session {
        session.credential.clone_from(credential);
        here::signed_out_elsewhere(request, env, &site, &session.owner.user_id).await?;
    }
    show(env, &site, &config, &session, outcome).await
}

async fn invite(session: &Session, site: &Site, config: &Config) -> Result<Outcome, Error> {
    if config.signup != Signup::Invite {
        return Ok(Outcome::failed("This server does not accept invitations: SIGNUP is not invite."));
    }
    match session.account.ask(&InBrowser::MakeInvite.by(session.secret())).await? {
        Reply::Invite { invite } => {
            let code = session.account.credential(CredentialKind::Invite, &invite);
            Ok(Outcome { invite: Some(format!("{}/signup?code={code}", site.here)), ..Outcome::default() })
        }
        _ => Ok(Outcome::failed("Only an administrator can invite.")),
    }
}

async fn change_password(parameters: &Parameters, session: &Session) -> Result<Outcome, Error> {
    let old = parameters.optional("old")?.unwrap_or_default();
    if old.len() > MAX_BYTES {
        return Ok(Outcome::failed("The password is wrong."));
    }
    let command = InBrowser::ChangePassword {
        old: old.to_owned(),
        new: parameters.optional("new")?.unwrap_or_default().to_owned(),
    }
    .by(session.secret());
    Ok(match session.account.ask(&command).await? {
        Reply::SessionStarted { session: secret, .. } => {
            personal_tokens::forget();
            Outcome {
                session: Some(session.account.credential(CredentialKind::Session, &secret)),
                done: Some("The password is changed. Everything else is signed out."),
                ..Outcome::default()
            }
        }
        Reply::WeakPassword => Outcome::failed(format!(
            "The new password must have at least {MIN_CHARACTERS} characters, and at most {MAX_BYTES} bytes."
        )),
        Reply::WrongCredentials => Outcome::failed("The password is wrong."),
        Reply::NoSession => Outcome::failed("The password of this account cannot be changed here."),
        _ => return Err(Error::UnexpectedReply("Account")),
    })
}

/// Deletes the account. Returns the outcome to show if it was not deleted.
async fn delete(parameters: &Parameters, session: &Session) -> Result<Option<Outcome>, Error> {
    let typed = parameters.optional("username")?.unwrap_or_default().trim();
    if !typed.eq_ignore_ascii_case(session.owner.shown().trim()) {
        return Ok(Some(Outcome::failed("Type the name of this account to delete it.")));
    }
    let password = parameters.optional("password")?.unwrap_or_default();
    if password.len() > MAX_BYTES {
        return Ok(Some(Outcome::failed("The password is wrong.")));
    }
    let command = InBrowser::Delete { password: password.to_owned() }.by(session.secret());
    Ok(match session.account.ask(&command).await? {
        Reply::Done => {
            personal_tokens::forget();
            None
        }
        // An account without a password needs a recent sign-in instead.
        Reply::WrongCredentials if session.owner.display_name.is_some() => Some(Outcome::failed(
            "Sign out, sign in again with your provider, and delete the account within ten minutes.",
        )),
        Reply::WrongCredentials => Some(Outcome::failed("The password is wrong.")),
        Reply::NoSession => Some(Outcome::failed("The session has ended in the meantime.")),
        _ => return Err(Error::UnexpectedReply("Account")),
    })
}

async fn show(env: &Env, site: &Site, config: &Config, session: &Session, outcome: Outcome) -> Result<Response, Error> {
    let command = InBrowser::Standing.by(session.secret());
    let (is_admin, has_password) = match session.account.ask(&command).await? {
        Reply::Standing { is_administrator, has_password } => (is_administrator, has_password),
        _ => return Ok(see_other("/login?return_to=/account")?.empty()),
    };
    let keys = Keys::load(env).await?;
    let html = screens::render(&AccountPage {
        username: session.owner.shown(),
        error: outcome.error.as_deref(),
        done: outcome.done,
        is_admin,
        has_password,
        may_invite: is_admin && config.signup == Signup::Invite,
        invite: outcome.invite.as_deref(),
        min_password: MIN_CHARACTERS,
        form_token: &form_token(&keys, Page::Account, &session.credential, "")?,
        sign_out_token: &form_token(&keys, Page::SignOut, &session.credential, "")?,
    })?;
    let status = if outcome.error.is_some() { 403 } else { 200 };
    let mut response = page(status, Some(site), None)?;
    if let Some(credential) = &outcome.session {
        response = start_session(response, site, credential)?;
    }
    Ok(response.fixed(html.into_bytes()))
}
