//! `/files` and `/files/{id}`: uploads, whole or in parts (tus 1.0.0), and downloads.
//!
//! Whoever has a token of the user may ask, or a signed URL for one file and one method. What is served never runs in this
//! server's origin: it is an attachment, of a type from our own list, and sandboxed should a browser show it all the same.

mod answers;
mod create;
mod denied;
mod transfer;
mod tus;

use worker::{Env, Method, Response, Result};

use crate::caller::Caller;
use crate::config::Config;
use crate::file_store::signed::{self, Verified};
use crate::http::limits::{self, Limit};
use crate::http::parameters::Parameters;
use crate::oauth::bearer::{self, Challenge};
use crate::origin;
use crate::request::Request;
use crate::routes;
use crate::site::Site;
use denied::Denied;

/// Serves a request, with the headers that pages of an allowed origin need.
pub async fn serve(mut request: Request, env: Env) -> Result<Response> {
    let config = Config::of(&env);
    let site = Site::of(&request, &config);
    let origin = match origin::check(&request, &site, &config) {
        Ok(origin) => origin,
        Err(reason) => return Denied::Forbidden(reason.to_string()).response(),
    };
    let answered = match origin::preflight(&request)? {
        Some(preflight) => Ok(preflight),
        None => answer(&mut request, &env, &site).await,
    };
    let response = answered.or_else(Denied::response)?;
    if let Some(origin) = origin {
        origin::allow(response.headers(), &origin, &origin::FILES)?;
    }
    Ok(response)
}

async fn answer(
    request: &mut Request,
    env: &Env,
    site: &core::result::Result<Site, crate::site::SiteError>,
) -> core::result::Result<Response, Denied> {
    if request.method() == Method::Options {
        return tus::options(env).map_err(Denied::from);
    }
    tus::check_version(request)?;
    // A large file comes in many parts, one after the other: those are bounded by its size and by the transfers at once.
    if request.method() != Method::Patch {
        limits::check(request, env, Limit::Requests).await?;
    }
    let path = request.path();
    let Some(file_id) = routes::parameter(&path) else {
        return match request.method() {
            Method::Post => {
                let caller = authenticate(request, env, site).await?;
                create::create(request, env, &caller).await
            }
            _ => Err(Denied::Method("OPTIONS, POST")),
        };
    };
    match sender(request, env, site, file_id).await? {
        Sender::Caller(caller) => transfer::of_caller(request, env, &caller, file_id).await,
        Sender::Signed { user_id, method } => transfer::of_signed(request, env, &user_id, method, file_id).await,
    }
}

/// Who sends a request about one file.
enum Sender {
    Caller(Box<Caller>),
    /// Whoever has the signed URL.
    Signed {
        user_id: String,
        method: signed::Method,
    },
}

async fn sender(
    request: &Request,
    env: &Env,
    site: &core::result::Result<Site, crate::site::SiteError>,
    file_id: &str,
) -> core::result::Result<Sender, Denied> {
    let url = request.url()?;
    let parameters = Parameters::parse(url.query().unwrap_or_default());
    let Some(signed) = parameters.optional("signed")? else {
        return authenticate(request, env, site).await.map(|caller| Sender::Caller(Box::new(caller)));
    };
    match signed::verify(env, file_id, signed).await? {
        Verified::Good { user_id, method } => Ok(Sender::Signed { user_id, method }),
        Verified::Expired => Err(Denied::Expired),
        Verified::Foreign => {
            limits::check_guess(request, env, "/files").await?;
            Err(Denied::NotSigned)
        }
    }
}

async fn authenticate(
    request: &Request,
    env: &Env,
    site: &core::result::Result<Site, crate::site::SiteError>,
) -> core::result::Result<Caller, Denied> {
    match bearer::authenticate(request, env, site.clone()).await {
        Ok(caller) => Ok(caller),
        Err(challenge @ Challenge::InvalidToken { .. }) => {
            limits::check_guess(request, env, "/files").await?;
            Err(challenge.into())
        }
        Err(challenge) => Err(challenge.into()),
    }
}
