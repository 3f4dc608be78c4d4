//! Which of the owner's browsers a request comes from: a cookie with the id of its row, so that signing out ends notifications there
//! without a script. It opens nothing: the row is looked for among those of whoever is signed in.

use bus::wire::command::{Command, Reply};
use bus::wire::push::{Answered, Asked};
use worker::{Env, Response, console_error};

use crate::http::error::Error;
use crate::objects::bus::Bus;
use crate::request::Request;
use crate::site::Site;
use crate::web::browser::{cookie, cookie_name, set_cookie};

const COOKIE: &str = "notified";
/// As long as browsers keep a cookie. Seconds.
const MAX_AGE_S: i64 = 400 * 24 * 60 * 60;
/// The longest id that is looked for, in bytes.
const MAX_ID: usize = 64;

/// The id of this browser, if it was ever told of anything.
pub fn of(request: &Request, site: &Site) -> Result<Option<String>, Error> {
    Ok(cookie(request, &cookie_name(site, COOKIE))?.filter(|id| id.len() <= MAX_ID))
}

pub fn remember(response: &mut Response, site: &Site, browser_id: &str) -> Result<(), Error> {
    set(response, site, browser_id, MAX_AGE_S)
}

pub fn forget(response: &mut Response, site: &Site) -> Result<(), Error> {
    set(response, site, "", 0)
}

fn set(response: &mut Response, site: &Site, value: &str, max_age_s: i64) -> Result<(), Error> {
    let header = set_cookie(site, &cookie_name(site, COOKIE), value, max_age_s);
    Ok(response.headers_mut().append("set-cookie", &header)?)
}

/// The owner signs out in this browser, and is no longer told there. Says whether they were: the browser may be another owner's too.
pub async fn signed_out(request: &Request, env: &Env, site: &Site, user_id: &str) -> Result<bool, Error> {
    let Some(browser_id) = of(request, site)? else { return Ok(false) };
    Ok(ask(env, user_id, Asked::Remove { browser_id }).await)
}

/// The password was changed in this browser: no other is told any more.
pub async fn signed_out_elsewhere(request: &Request, env: &Env, site: &Site, user_id: &str) -> Result<(), Error> {
    ask(env, user_id, Asked::RemoveOthers { but: of(request, site)? }).await;
    Ok(())
}

/// Whether something was found. Neither a sign-out nor a new password depends on it.
async fn ask(env: &Env, user_id: &str, asked: Asked) -> bool {
    let told = match Bus::of_owner(env, user_id) {
        Ok(bus) => bus.ask("", None, Command::Push { asked }, &|_| {}).await,
        Err(error) => Err(error),
    };
    match told {
        Ok(reply) => matches!(reply, Reply::Push { answered: Answered::Found { found: true } }),
        Err(error) => {
            console_error!("notifications go on in a browser that was signed out: {error}");
            false
        }
    }
}
