//! A signed-in owner with their bus.

use account::accounts::Command::Audit;
use account::accounts::{InBrowser, Reply as AccountReply};
use account::audit::Event;
use account::shares::Share;
use bus::wire::command::{Command, Reply};
use bus::wire::views::{JobsAsked, Overview};
use futures_util::future::try_join;
use kernel::scopes::Scopes;
use runtime::now_ms;
use sha2::{Digest, Sha256};
use worker::Env;

use crate::caller::Caller;
use crate::config::Config;
use crate::http::error::Error;
use crate::objects::bus::Bus;
use crate::objects::files::Files;
use crate::objects::key_ring::Keys;
use crate::request::Request;
use crate::routes::Page;
use crate::site::Site;
use crate::web::browser::Session;
use crate::web::dashboard::submit;
use crate::web::posted_form::form_token;

/// How long a stream of events lasts, in milliseconds. The script then opens the next one, if the session is still
/// valid.
const STREAM_MS: i64 = 15 * 60 * 1_000;
pub struct Owner<'a> {
    pub env: &'a Env,
    pub site: Site,
    pub session: Session,
    pub bus: Bus,
}

impl<'a> Owner<'a> {
    /// The owner who is signed in, if there is one.
    pub async fn of(request: &Request, env: &'a Env) -> Result<Option<Self>, Error> {
        let site = Site::of(request, &Config::of(env))?;
        let Some(session) = Session::of(request, env, &site).await? else { return Ok(None) };
        let bus = Bus::of_owner(env, &session.owner.user_id).map_err(worker::Error::from)?;
        Ok(Some(Self { env, site, session, bus }))
    }

    pub async fn ask(&self, command: Command) -> Result<Reply, Error> {
        submit::ask(&self.bus, command).await
    }

    pub fn files(&self) -> Result<Files, Error> {
        Files::of(self.env, &self.session.owner.user_id)
    }

    /// Writes what the owner has done into the audit log of the account.
    pub async fn audit(&self, what: &str, detail: &str) -> Result<(), Error> {
        let event = Event::of(what, "").about(detail);
        self.session.account.ask(&Audit { event }).await.map(|_| ())
    }

    pub async fn overview(&self, jobs: &JobsAsked) -> Result<Overview, Error> {
        match self.ask(Command::Overview { jobs: jobs.clone() }).await? {
            Reply::Overview { overview } => Ok(*overview),
            _ => Err(Error::UnexpectedReply("UserBus")),
        }
    }

    /// The live share links.
    pub async fn shares(&self) -> Result<Vec<Share>, Error> {
        match self.session.account.ask(&InBrowser::ListShares.by(self.session.secret())).await? {
            AccountReply::Shares { shares } => Ok(shares),
            _ => Err(Error::UnexpectedReply("Account")),
        }
    }

    /// The overview and the share links, asked for at once.
    pub async fn looked(&self, jobs: &JobsAsked) -> Result<(Overview, Vec<Share>), Error> {
        try_join(self.overview(jobs), self.shares()).await
    }

    pub async fn form_token(&self, page: Page) -> Result<String, Error> {
        form_token(&*Keys::load(self.env).await?, page, &self.session.credential, "")
    }

    /// The browser as the caller of a stream. A session has no grant, and its stream can only listen.
    pub fn as_caller(&self) -> Caller {
        let session: String =
            Sha256::digest(&self.session.credential).iter().take(8).map(|b| format!("{b:02x}")).collect();
        Caller {
            user_id: self.session.owner.user_id.clone(),
            username: self.session.owner.username.clone(),
            client_id: "dashboard".to_owned(),
            grant_id: format!("browser-{session}"),
            scopes: Scopes::BUS_READ.into(),
            sign_in: None,
            guest_name: None,
            audience: self.site.issuer.clone(),
            expires_at_ms: now_ms().saturating_add(STREAM_MS),
        }
    }
}
