//! The home page, `/` for a browser.

use bus::wire::command::{Command, Reply};
use worker::{Env, Response};

use crate::config::Config;
use crate::http::error::Error;
use crate::request::Request;
use crate::site::Site;
use crate::web::browser::page_running;
use crate::web::dashboard::owner::Owner;
use crate::web::pages::HOME_SCRIPT;
use crate::web::pages::home::{Home, Who, clients, profiles};
use crate::web::screens;

pub async fn home(request: &Request, env: &Env) -> Result<Response, Error> {
    let site = Site::of(request, &Config::of(env))?;
    let endpoint = format!("{}/mcp", site.here);
    let html = screens::render(&Home {
        endpoint: &endpoint,
        server: &site.here,
        clients: &clients(&endpoint),
        profiles: &profiles(),
        who: who(request, env).await?,
        version: env!("CARGO_PKG_VERSION"),
    })?;
    Ok(page_running(200, Some(&site), None, Some(&HOME_SCRIPT))?.fixed(html.into_bytes()))
}

async fn who(request: &Request, env: &Env) -> Result<Option<Who>, Error> {
    let Some(owner) = Owner::of(request, env).await? else { return Ok(None) };
    match owner.ask(Command::Connected).await? {
        Reply::Connected { blenders } => Ok(Some(Who { username: owner.session.owner.username, blenders })),
        _ => Err(Error::UnexpectedReply("UserBus")),
    }
}
