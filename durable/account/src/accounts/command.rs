//! What the edge asks of an account, and what it is told.

use std::collections::BTreeMap;

use kernel::access::Access;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::access_tokens::{self, Held, Listed, NewToken};
use crate::audit::{Entry, Event};
use crate::codes::{CodeBinding, Exchange};
use crate::consents::{Allowed, Consent};
use crate::export::Exported;
use crate::grants::{Granted, Permission, Refresh, Refusal};
use crate::import::Imported;
use crate::shares::{self, NewShare, Share};
use crate::usernames::Username;

/// What the edge asks of an account. Secrets are the bare secret parts, without the routing part.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// `dev_password` is set where this name is a development account and the request came over loopback.
    Login {
        username: Username,
        password: String,
        dev_password: Option<String>,
        then: AfterLogin,
        #[serde(default)]
        from: From,
    },
    /// An OpenID provider has identified the user: signs the browser in, and makes the account the first time.
    SignInAs {
        username: Username,
        display_name: String,
    },
    /// What is done in the browser of the owner, who is known by the secret of the session.
    InBrowser {
        session: String,
        does: InBrowser,
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
    /// What this share link stands for.
    UseShare {
        token: String,
        audiences: Vec<String>,
    },
    /// Makes an access token. A client may do so only as the owner has agreed in the browser.
    CreateAccessToken {
        by: Authority,
        new: NewToken,
    },
    /// Writes an event from elsewhere, such as the bus, to the audit log.
    Audit {
        event: Event,
    },
    ListAccessTokens {
        by: Authority,
    },
    RevokeAccessToken {
        by: Authority,
        token_id: String,
    },
    /// Makes the account and signs its owner in. The edge has checked that this is allowed.
    SignUp {
        username: Username,
        password: String,
        admin: bool,
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

/// What the owner does in a browser that is signed in. Where it is not, the reply is mostly `NoSession`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InBrowser {
    /// Asks who the owner is.
    Who,
    SignOut,
    /// Consents to what a client asks for, or has done so before.
    IssueCode {
        permission: Permission,
        binding: CodeBinding,
        consent: Consent,
    },
    /// Looks at the clients that may do something.
    ListClients,
    /// Asks what the clients and access tokens behind these grants are called.
    NamesOfGrants {
        grant_ids: Vec<String>,
    },
    /// Takes back whatever a client was allowed; it has to be asked about again.
    ForgetClient {
        client_id: String,
    },
    /// Is about to look up the code of a device: counts the guess, unless there were too many.
    TryDeviceCode,
    /// Has found a device by its code: the guesses before are forgotten.
    FoundDeviceCode,
    /// Allows a device. `secret_hash`: SHA-256 of its secret, base64url.
    AllowDevice {
        permission: Permission,
        secret_hash: String,
        lifetime_ms: i64,
    },
    /// Asks which client wants an access token, before agreeing.
    AskingClient {
        grant_id: String,
    },
    /// Agrees that a client makes this access token.
    ApproveAccessToken {
        grant_id: String,
        new: NewToken,
    },
    /// Makes a share link.
    Share {
        new: NewShare,
    },
    ListShares,
    EndShare {
        share_id: String,
    },
    /// Looks at what touched the rights of the account.
    ListAudit,
    /// Downloads what the account holds.
    Export,
    /// Makes anew the access tokens that the download of another server names. `audience`: the origin of this one.
    Import {
        tokens: Vec<Listed>,
        audience: String,
    },
    /// Signs out whatever was signed in before, and this browser in anew.
    ChangePassword {
        old: String,
        new: String,
    },
    /// Erases the account and all its data, the user's bus included. The password is asked for once more.
    Delete {
        password: String,
    },
    /// Asks what kind of account it is.
    Standing,
    MakeInvite,
}

impl InBrowser {
    /// As a command, by the owner of this browser session.
    pub fn by(self, session: impl Into<String>) -> Command {
        Command::InBrowser { session: session.into(), does: self }
    }

    /// What is replied where nobody is signed in.
    pub fn without_session(&self) -> Reply {
        match self {
            Self::MakeInvite => Reply::NoInvite,
            Self::SignOut | Self::FoundDeviceCode => Reply::Done,
            _ => Reply::NoSession,
        }
    }
}

/// Who manages access tokens: the owner in a browser, or one of the owner's clients. Never a personal access token,
/// because a leaked one could be used to make others.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    Session {
        session: String,
    },
    /// `scopes` are those of the client's access token. A token that it makes cannot have more.
    Grant {
        grant_id: String,
        scopes: Access,
    },
}

/// Where an attempt to sign in comes from.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct From {
    /// The network in short form, such as `192.0.2.0/24`; empty if it is not known.
    pub address: String,
    /// The id of a browser in which the owner has signed in before.
    pub browser: Option<String>,
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
    /// The name to show to the owner.
    pub fn shown(&self) -> &str {
        self.display_name.as_deref().unwrap_or(&self.username)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// Names by grant, of those that are still known.
    NamesOfGrants {
        names: BTreeMap<String, String>,
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
    /// The secret of a new share link, and how it is listed from now on.
    ShareMade {
        token: String,
        share: Share,
    },
    Shares {
        shares: Vec<Share>,
    },
    ShareRefused {
        reason: shares::Refused,
    },
    /// The secret of a new token, and how it is listed from now on.
    AccessTokenMade {
        token: String,
        listed: Listed,
    },
    AccessTokens {
        tokens: Vec<Listed>,
    },
    /// A client, and what it may do itself.
    Asking {
        client: Permission,
    },
    Audit {
        entries: Vec<Entry>,
    },
    Export {
        exported: Box<Exported>,
    },
    Imported {
        imported: Imported,
    },
    /// No live token has this id or this secret.
    NoAccessToken,
    AccessTokenRefused {
        reason: access_tokens::Refused,
    },
    /// The caller may not do this, or no longer may.
    NotAllowed {
        reason: Denial,
    },
    NameTaken,
    /// The new password is too short or too long.
    WeakPassword,
    /// `has_password` is false where the owner signs in with an OpenID provider.
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
    #[error("the owner has to agree to this access token in the browser first")]
    NotApproved,
    #[error("scopes must be among those that this client was granted itself")]
    ScopeExceeded,
    #[error(
        "this token is bound to some of its owner's Blenders and manages no access tokens: sign in without that bound"
    )]
    IsBound,
}

/// What the object does after the writes, and repeats until it can report success to `performed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Tell the user's bus that a grant is revoked.
    RevokeOnBus { user_id: String, grant_id: String },
    /// Have the user's bus erased.
    EraseBus { user_id: String },
    /// Note in the list of names that this one has an account.
    ListName { username: String },
    /// The account is deleted: strike its name from the list.
    UnlistName { username: String },
    /// The administrator has deleted the account: make a new setup code, so that there can be another one.
    ReleaseSetup { username: String },
}
