//! Tokens that the owner has made by hand: personal access tokens, which are made, listed and revoked here too, and share links.
//!
//! A verified token is cached for some seconds, so that a busy script does not ask the account each time. Revocation
//! takes effect at once all the same, because the account tells the user's bus.

use core::cell::RefCell;
use std::collections::HashMap;

use account::access_tokens::{Listed, NewToken};
use account::accounts::{Authority, Command, Denial, Reply};
use account::grants::{ACCESS_TOKEN_CLIENT, SHARE_CLIENT};
use account::usernames::Username;
use kernel::access::Access;
use runtime::now_ms;
use sha2::{Digest, Sha256};
use thiserror::Error;
use url::form_urlencoded::Serializer;
use worker::Env;

use crate::caller::Caller;
use crate::http::error::Error;
use crate::objects::account::{Account, CredentialKind};
use crate::routes::Page;
use crate::site::Site;

/// How long a verified token is cached. Far shorter than a bus remembers a revocation.
const KEPT_MS: i64 = 30_000;
const MAX_KEPT: usize = 512;

thread_local! {
    /// By the hash of token and origin: expiry of the entry (Unix milliseconds) and caller.
    static KEPT: RefCell<HashMap<[u8; 32], (i64, Caller)>> = RefCell::new(HashMap::new());
}

/// What kind of token this is; none for a JWT.
pub fn kind(token: &str) -> Option<CredentialKind> {
    let kinds = [CredentialKind::AccessToken, CredentialKind::Share];
    kinds.into_iter().find(|kind| token.starts_with(kind.prefix()))
}

/// The caller of a token of this kind, if it is valid and for this server.
pub async fn verify(env: &Env, site: &Site, kind: CredentialKind, token: &str) -> Result<Option<Caller>, Error> {
    let now_ms = now_ms();
    let key: [u8; 32] = Sha256::digest(format!("{token} {}", site.here)).into();
    if let Some(caller) = kept(&key, now_ms) {
        return Ok(Some(caller));
    }
    let Some((account, secret)) = Account::holding(env, kind, token)? else { return Ok(None) };
    let (token, audiences) = (secret.to_owned(), site.audiences());
    let is_share = kind == CredentialKind::Share;
    let command =
        if is_share { Command::UseShare { token, audiences } } else { Command::UseAccessToken { token, audiences } };
    match account.ask(&command).await? {
        Reply::AccessToken { owner, held } => {
            let caller = Caller {
                user_id: owner.user_id,
                username: owner.username,
                client_id: if is_share { SHARE_CLIENT } else { ACCESS_TOKEN_CLIENT }.to_owned(),
                grant_id: held.token_id,
                scopes: held.scopes,
                sign_in: None,
                guest_name: is_share.then_some(held.name),
                audience: site.issuer.clone(),
                expires_at_ms: held.expires_ms,
            };
            keep(key, now_ms.saturating_add(KEPT_MS).min(held.expires_ms), caller.clone());
            Ok(Some(caller))
        }
        Reply::NoAccessToken => Ok(None),
        _ => Err(Error::UnexpectedReply("Account")),
    }
}

fn kept(key: &[u8; 32], now_ms: i64) -> Option<Caller> {
    KEPT.with_borrow(|kept| kept.get(key).filter(|(until_ms, _)| now_ms < *until_ms).map(|(_, caller)| caller.clone()))
}

fn keep(key: [u8; 32], until_ms: i64, caller: Caller) {
    KEPT.with_borrow_mut(|kept| {
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(key, (until_ms, caller));
    });
}

/// Clears this isolate's cache, because a token was revoked.
pub fn forget() {
    KEPT.with_borrow_mut(HashMap::clear);
}

/// Why a call about access tokens has no result.
#[derive(Debug, Error)]
pub enum PersonalTokenError {
    /// The caller may not do this, or asked for something impossible. The text is for the caller.
    #[error("{0}")]
    Refused(String),
    #[error("the owner has to agree to this access token in the browser first")]
    NotApproved,
    #[error(transparent)]
    Server(#[from] Error),
}

impl PersonalTokenError {
    /// The text for the caller.
    ///
    /// # Errors
    /// The server's own failure, if it is one.
    pub fn reason(self) -> Result<String, Error> {
        match self {
            Self::Refused(reason) => Ok(reason),
            Self::NotApproved => Ok(self.to_string()),
            Self::Server(error) => Err(error),
        }
    }
}

/// Creates a token. Returns the whole token, which is never shown again, and its row.
pub async fn create(account: &Account, by: Authority, new: NewToken) -> Result<(String, Listed), PersonalTokenError> {
    match account.ask(&Command::CreateAccessToken { by, new }).await? {
        Reply::AccessTokenMade { token, listed } => {
            Ok((account.credential(CredentialKind::AccessToken, &token), listed))
        }
        Reply::AccessTokenRefused { reason } => Err(PersonalTokenError::Refused(reason.to_string())),
        other => Err(not_allowed(other)),
    }
}

/// The tokens that are neither expired nor revoked.
pub async fn list(account: &Account, by: Authority) -> Result<Vec<Listed>, PersonalTokenError> {
    match account.ask(&Command::ListAccessTokens { by }).await? {
        Reply::AccessTokens { tokens } => Ok(tokens),
        other => Err(not_allowed(other)),
    }
}

/// Revokes a token; returns whether there was one with this id.
pub async fn revoke(account: &Account, by: Authority, token_id: String) -> Result<bool, PersonalTokenError> {
    forget();
    match account.ask(&Command::RevokeAccessToken { by, token_id }).await? {
        Reply::Done => Ok(true),
        Reply::NoAccessToken => Ok(false),
        other => Err(not_allowed(other)),
    }
}

fn not_allowed(reply: Reply) -> PersonalTokenError {
    match reply {
        Reply::NotAllowed { reason: Denial::NotApproved } => PersonalTokenError::NotApproved,
        Reply::NotAllowed { reason } => PersonalTokenError::Refused(reason.to_string()),
        _ => PersonalTokenError::Server(Error::UnexpectedReply("Account")),
    }
}

/// The caller's account, and the authority to send with commands.
pub fn account_of(env: &Env, caller: &Caller) -> Result<(Account, Authority), Error> {
    let username = Username::parse(&caller.username).map_err(|_| Error::UnexpectedReply("a token"))?;
    let by = Authority::Grant { grant_id: caller.grant_id.clone(), scopes: caller.scopes.clone() };
    Ok((Account::named(env, &username)?, by))
}

/// The token that a caller asks for. Without scopes it gets those of the caller.
pub fn requested(caller: &Caller, name: String, scopes: Access, days: i64) -> NewToken {
    NewToken { name, scopes: scopes.within(&caller.scopes), days, audience: caller.audience.clone() }
}

/// The page where the owner agrees that the client of a grant makes this token. `origin`: this server's.
pub fn agreement_page(origin: &str, grant_id: &str, new: &NewToken) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("for", grant_id).append_pair("name", &new.name);
    query.append_pair("scopes", &new.scopes.to_string()).append_pair("days", &new.days.to_string());
    format!("{origin}{}?{}", Page::Tokens.path(), query.finish())
}
