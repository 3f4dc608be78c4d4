//! What the edge asks of an account, and what it is told.

use kernel::scopes::Scopes;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::access_tokens::{self, Held, Listed, NewToken};
use crate::codes::{CodeBinding, Exchange};
use crate::consents::{Allowed, Consent};
use crate::grants::{Granted, Permission, Refresh, Refusal};
use crate::usernames::Username;

/// What the edge asks of an account. Secrets are the bare secret parts, without the routing part.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Command {
    /// `dev_password` is set where this name is a development account and the request came over loopback.
    Login {
        username: Username,
        password: String,
        dev_password: Option<String>,
        then: AfterLogin,
    },
    /// Who the owner of this browser session is.
    Session {
        session: String,
    },
    /// A provider has said who this is: signs the browser in, and makes the account at the first time.
    SignInAs {
        username: Username,
        display_name: String,
    },
    EndSession {
        session: String,
    },
    /// The owner, known by the session, consents or has done so.
    IssueCode {
        session: String,
        permission: Permission,
        binding: CodeBinding,
        consent: Consent,
    },
    /// The clients that may do something.
    ListClients {
        session: String,
    },
    /// Takes back whatever a client was allowed; it has to be asked about again.
    ForgetClient {
        session: String,
        client_id: String,
    },
    /// The owner is about to look up the code of a device: counts the guess, unless there were too many.
    TryDeviceCode {
        session: String,
    },
    /// It was no guess.
    FoundDeviceCode {
        session: String,
    },
    /// The owner has allowed a device. `secret_hash`: SHA-256 of its secret, base64url.
    AllowDevice {
        session: String,
        permission: Permission,
        secret_hash: String,
        lifetime_ms: i64,
    },
    Exchange(Exchange),
    Refresh(Refresh),
    RevokeToken {
        token: String,
        client_id: String,
    },
    RevokeGrant {
        grant_id: String,
        client_id: String,
    },
    /// What this personal access token stands for.
    UseAccessToken {
        token: String,
        audiences: Vec<String>,
    },
    CreateAccessToken {
        by: Authority,
        new: NewToken,
    },
    ListAccessTokens {
        by: Authority,
    },
    RevokeAccessToken {
        by: Authority,
        token_id: String,
    },
    /// Makes the account, whose owner is signed in by that. The edge has seen to it that this is allowed.
    SignUp {
        username: Username,
        password: String,
        admin: bool,
    },
    /// Signs out whatever was signed in before, and this browser in anew.
    ChangePassword {
        session: String,
        old: String,
        new: String,
    },
    /// Erases the account and all its data, the user's bus included. The password is asked for once more.
    Delete {
        session: String,
        password: String,
    },
    Standing {
        session: String,
    },
    MakeInvite {
        session: String,
    },
    ClaimInvite {
        invite: String,
        username: Username,
    },
    ReleaseInvite {
        invite: String,
        username: Username,
    },
}

/// Who manages the account: its owner at a browser, or a client of the owner's. Never a personal access token: one that
/// leaked could be replaced by others.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    Session {
        session: String,
    },
    /// `scopes`: of the access token; what it makes can do no more.
    Grant {
        grant_id: String,
        scopes: Scopes,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterLogin {
    /// Tokens at once, as `POST /auth/login` gives them.
    Grant(Permission),
    /// A browser session.
    Session,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub user_id: String,
    pub username: String,
    /// What a provider calls its user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

impl Owner {
    /// The name for the owner's own eyes.
    pub fn shown(&self) -> &str {
        self.display_name.as_deref().unwrap_or(&self.username)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    Granted {
        owner: Owner,
        granted: Granted,
    },
    SessionStarted {
        owner: Owner,
        session: String,
    },
    Owner {
        owner: Owner,
    },
    Code {
        code: String,
    },
    /// The owner has to be asked.
    NotConsented,
    Clients {
        clients: Vec<Allowed>,
    },
    Done,
    WrongCredentials,
    /// Too many guesses: wait.
    Paused,
    NoSession,
    Refused {
        reason: Refusal,
    },
    AccessToken {
        owner: Owner,
        held: Held,
    },
    /// The secret of a new token, and how it is listed from now on.
    AccessTokenMade {
        token: String,
        listed: Listed,
    },
    AccessTokens {
        tokens: Vec<Listed>,
    },
    /// No token of that id is live, or none that is like the one sent.
    NoAccessToken,
    AccessTokenRefused {
        reason: access_tokens::Refused,
    },
    /// The caller is one that may not do this, or no longer.
    NotAllowed {
        reason: Denial,
    },
    NameTaken,
    /// The new password is too short or too long.
    WeakPassword,
    /// `has_password`: it is not a provider that the owner signs in with.
    Standing {
        is_administrator: bool,
        has_password: bool,
    },
    Invite {
        invite: String,
    },
    NoInvite,
}

/// Why a caller may not manage access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Error)]
#[serde(rename_all = "snake_case")]
pub enum Denial {
    #[error("an access token cannot manage access tokens: sign in instead")]
    IsAccessToken,
    #[error("the sign-in behind this request has ended")]
    Ended,
    #[error("scopes must be among those that this client was granted itself")]
    ScopeExceeded,
}

/// What the glue has to do after the writes, and again until it can report it to `performed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Tell the user's bus that a grant is revoked.
    RevokeOnBus { user_id: String, grant_id: String },
    /// Have the user's bus erased.
    EraseBus { user_id: String },
    /// The administrator is gone: there has to be a way to another.
    ReleaseSetup { username: String },
}
