//! Somebody with a share link, at a browser.

use bus::wire::command::{Command, Reply};
use bus::wire::views::{JobDetail, Watched};
use kernel::access::Guest as Kind;
use runtime::now_ms;
use worker::{Env, ResponseBuilder};

use crate::caller::Caller;
use crate::config::Config;
use crate::http::error::Error;
use crate::http::limits;
use crate::oauth::personal_tokens;
use crate::objects::account::CredentialKind;
use crate::objects::bus::Bus;
use crate::objects::key_ring::Keys;
use crate::request::Request;
use crate::routes::Page;
use crate::site::Site;
use crate::web::browser::{cookie, cookie_name, set_cookie};
use crate::web::dashboard::submit;
use crate::web::posted_form::form_token;

/// What counts wrong links of one address.
const GUESSES: &str = "/share/";

pub struct Guest<'a> {
    pub env: &'a Env,
    pub site: Site,
    pub caller: Caller,
    /// The secret of the link.
    pub credential: String,
    pub bus: Bus,
}

impl<'a> Guest<'a> {
    /// Who has this link, if it is one and has not ended.
    pub async fn with_link(request: &Request, env: &'a Env, credential: &str) -> Result<Option<Self>, Error> {
        let site = Site::of(request, &Config::of(env))?;
        let caller = match personal_tokens::kind(credential) {
            Some(kind @ CredentialKind::Share) => personal_tokens::verify(env, &site, kind, credential).await?,
            _ => None,
        };
        let Some(caller) = caller else {
            limits::check_guess(request, env, GUESSES).await?;
            return Ok(None);
        };
        let bus = Bus::of(env, &caller).map_err(worker::Error::from)?;
        Ok(Some(Self { env, site, caller, credential: credential.to_owned(), bus }))
    }

    /// The same for the link in this browser's cookie, if that is of this share.
    pub async fn of_browser(request: &Request, env: &'a Env, share_id: &str) -> Result<Option<Self>, Error> {
        let site = Site::of(request, &Config::of(env))?;
        let Some(credential) = cookie(request, &name_of_cookie(&site, share_id))? else { return Ok(None) };
        let guest = Self::with_link(request, env, &credential).await?;
        Ok(guest.filter(|guest| guest.caller.grant_id == share_id))
    }

    /// Keeps the link in a cookie for as long as it is good.
    pub fn remembered(&self, response: ResponseBuilder) -> Result<ResponseBuilder, Error> {
        let seconds = self.caller.expires_at_ms.saturating_sub(now_ms()).div_euclid(1_000).max(0);
        let name = name_of_cookie(&self.site, &self.caller.grant_id);
        Ok(response.with_header("set-cookie", &set_cookie(&self.site, &name, &self.credential, seconds))?)
    }

    pub fn may_work(&self) -> bool {
        self.caller.scopes.guest == Some(Kind::Work)
    }

    /// The page of the share.
    pub fn home(&self) -> String {
        format!("/share/{}", self.caller.grant_id)
    }

    /// The MCP endpoint of the link.
    pub fn endpoint(&self) -> String {
        format!("{}/share/{}/mcp", self.site.here, self.credential)
    }

    pub async fn ask(&self, command: Command) -> Result<Reply, Error> {
        submit::ask(&self.bus, command).await
    }

    /// What there is to see; none if the link has ended meanwhile.
    pub async fn watched(&self) -> Result<Option<Watched>, Error> {
        match self.ask(Command::Watched).await? {
            Reply::Watched { watched } => Ok(Some(*watched)),
            Reply::Revoked => Ok(None),
            _ => Err(Error::UnexpectedReply("UserBus")),
        }
    }

    /// One job of the shared Blender.
    pub async fn job(&self, job_id: &str) -> Result<Option<JobDetail>, Error> {
        match self.ask(Command::Job { job_id: job_id.to_owned() }).await? {
            Reply::Job { job } => Ok(job.map(|job| *job)),
            Reply::Revoked => Ok(None),
            _ => Err(Error::UnexpectedReply("UserBus")),
        }
    }

    pub async fn form_token(&self) -> Result<String, Error> {
        form_token(&*Keys::load(self.env).await?, Page::Share, &self.credential, "")
    }
}

fn name_of_cookie(site: &Site, share_id: &str) -> String {
    cookie_name(site, &format!("share_{share_id}"))
}
