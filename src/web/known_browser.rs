//! Browsers in which somebody has signed in before: a signed cookie, so that a stranger's wrong passwords do not count
//! against the owner there. It signs nobody in.

use account::failed_logins::KNOWN_MS;
use kernel::secrets::new_secret;
use runtime::{WebCrypto, now_ms};
use worker::{Env, Response};

use crate::http::error::Error;
use crate::request::Request;
use crate::seal::{self, StateCheck};
use crate::site::Site;
use crate::web::browser::{cookie, cookie_name, set_cookie};

const COOKIE: &str = "browser";

/// A browser that is known for one account.
pub struct KnownBrowser(String);

impl KnownBrowser {
    /// What the account counts its failures under.
    pub fn id(&self) -> String {
        self.0.clone()
    }

    /// The browser of a request, if the owner of this name has signed in there.
    pub async fn of(request: &Request, env: &Env, site: &Site, username: &str) -> Result<Option<Self>, Error> {
        let Some(value) = cookie(request, &cookie_name(site, COOKIE))? else { return Ok(None) };
        let Some((id, state)) = value.split_once('.') else { return Ok(None) };
        let known = seal::check(env, &about(username, id), state, now_ms()).await? == StateCheck::Valid;
        Ok(known.then(|| Self(id.to_owned())))
    }

    /// Sets the cookie after a sign-in.
    pub async fn remember(response: &mut Response, env: &Env, site: &Site, username: &str) -> Result<(), Error> {
        let id = new_secret(&mut WebCrypto).map_err(|_| Error::UnexpectedReply("WebCrypto"))?;
        let state = seal::seal(env, &about(username, &id), now_ms().saturating_add(KNOWN_MS)).await?;
        let header = set_cookie(site, &cookie_name(site, COOKIE), &format!("{id}.{state}"), KNOWN_MS.div_euclid(1000));
        Ok(response.headers_mut().append("set-cookie", &header)?)
    }
}

fn about(username: &str, id: &str) -> [String; 3] {
    ["known browser".to_owned(), username.to_owned(), id.to_owned()]
}
