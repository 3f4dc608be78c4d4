//! `/tokens`: lists, creates and revokes the owner's personal access tokens; `asked` is for a token that a
//! client asks for.

mod asked;

use account::access_tokens::{DEFAULT_DAYS, Listed, MAX_DAYS, NewToken};
use account::accounts::Authority;
use kernel::access::{Access, Bound};
use kernel::scopes::Scopes;
use worker::{Env, Response};

use crate::config::Config;
use crate::http::error::Error;
use crate::http::parameters::Parameters;
use crate::oauth::personal_tokens::{self, PersonalTokenError};
use crate::objects::key_ring::Keys;
use crate::request::Request;
use crate::routes::Page;
use crate::site::Site;
use crate::web::browser::{Session, page};
use crate::web::pages::tokens::{Row, Tokens};
use crate::web::posted_form::{PostedForm, form_token};
use crate::web::return_to::{sign_in_first, sign_in_first_with};
use crate::web::screens::{self, day};

/// The outcome of a form on the page.
#[derive(Default)]
struct Outcome {
    made: Option<String>,
    error: Option<String>,
}

pub async fn tokens(request: &mut Request, env: &Env) -> Result<Response, Error> {
    let site = Site::of(request, &Config::of(env))?;
    let posted = PostedForm::of(request, &site).await?;
    let query = request.url()?.query().unwrap_or_default().to_owned();
    let is_asked = posted.is_none() && asked::is_asked(&query);
    let Some(session) = Session::of(request, env, &site).await? else {
        return if is_asked { sign_in_first_with(Page::Tokens, &query) } else { sign_in_first(Page::Tokens) };
    };
    if is_asked {
        return asked::ask(env, &site, &session, &query).await;
    }
    let outcome = match posted {
        None => Outcome::default(),
        Some(form) if form.unchecked("request")?.is_some() => {
            return asked::decide(env, &site, &session, form).await;
        }
        Some(form) => {
            let parameters = form.of_session(env, Page::Tokens, &session, "").await?;
            perform(&parameters, &session, &site).await?
        }
    };
    show(env, &site, &session, outcome).await
}

fn authority(session: &Session) -> Authority {
    Authority::Session { session: session.secret().to_owned() }
}

async fn perform(parameters: &Parameters, session: &Session, site: &Site) -> Result<Outcome, Error> {
    if let Some(token_id) = parameters.optional("revoke")? {
        return match personal_tokens::revoke(&session.account, authority(session), token_id.to_owned()).await {
            Ok(_) => Ok(Outcome::default()),
            Err(error) => Ok(Outcome { error: Some(error.reason()?), made: None }),
        };
    }
    let scopes: Vec<&str> = parameters.all("scope").collect();
    let typed = |name| parameters.optional(name).map(Option::unwrap_or_default);
    let bound = match Bound::typed(typed("only_blender")?, typed("only_group")?) {
        Ok(bound) => bound,
        Err(error) => return Ok(Outcome { made: None, error: Some(error.to_string()) }),
    };
    let new = NewToken {
        name: parameters.optional("name")?.unwrap_or_default().to_owned(),
        scopes: Access::new(Scopes::known(&scopes.join(" ")), bound),
        days: parameters.optional("days")?.and_then(|days| days.trim().parse().ok()).unwrap_or(0),
        audience: site.issuer.clone(),
    };
    Ok(match personal_tokens::create(&session.account, authority(session), new).await {
        Ok((token, _)) => Outcome { made: Some(token), error: None },
        Err(error) => Outcome { made: None, error: Some(error.reason()?) },
    })
}

async fn show(env: &Env, site: &Site, session: &Session, outcome: Outcome) -> Result<Response, Error> {
    let rows = match personal_tokens::list(&session.account, authority(session)).await {
        Ok(tokens) => tokens.iter().map(row).collect::<Vec<_>>(),
        // The session has ended in the meantime.
        Err(PersonalTokenError::Refused(_) | PersonalTokenError::NotApproved) => return sign_in_first(Page::Tokens),
        Err(PersonalTokenError::Server(error)) => return Err(error),
    };
    let keys = Keys::load(env).await?;
    let html = screens::render(&Tokens {
        username: session.owner.shown(),
        rows: &rows,
        made: outcome.made.as_deref(),
        error: outcome.error.as_deref(),
        default_days: DEFAULT_DAYS,
        max_days: MAX_DAYS,
        form_token: &form_token(&keys, Page::Tokens, &session.credential, "")?,
        sign_out_token: &form_token(&keys, Page::SignOut, &session.credential, "")?,
    })?;
    let status = if outcome.error.is_some() { 400 } else { 200 };
    Ok(page(status, Some(site), None)?.fixed(html.into_bytes()))
}

fn row(token: &Listed) -> Row {
    Row {
        token_id: token.token_id.clone(),
        name: token.name.clone(),
        scopes: token.scopes.set.to_string(),
        only: token.scopes.bound.as_ref().map(Bound::shown),
        expires: day(token.expires_ms),
        last_used: token.last_used_ms.map(day),
        made_by: token.made_by.as_deref().map(|client| screens::named(client).to_owned()),
    }
}
