//! `/tokens?for=...`: the owner agrees that a client makes an access token, or does not.
//!
//! The link holds what the client wants; anybody can write one. It is worth something to the client that it names alone,
//! and only once the owner, who is shown all of it, has agreed.

use account::access_tokens::NewToken;
use account::accounts::{Denial, InBrowser, Reply};
use account::grants::Permission;
use kernel::access::Access;
use worker::{Env, Response};

use crate::http::error::{Code, Error};
use crate::http::parameters::{MAX_QUERY_BYTES, Parameters};
use crate::objects::key_ring::Keys;
use crate::routes::Page;
use crate::site::Site;
use crate::web::browser::{Session, page};
use crate::web::pages::tokens::Asked;
use crate::web::posted_form::{PostedForm, form_token};
use crate::web::screens::{self, abilities, named};

/// Whether a query of `/tokens` asks for the owner's agreement.
pub fn is_asked(query: &str) -> bool {
    query.len() <= MAX_QUERY_BYTES && Parameters::parse(query).optional("for").is_ok_and(|grant| grant.is_some())
}

fn wanted(query: &str, site: &Site) -> Result<(String, NewToken), Error> {
    let parameters = Parameters::parse(query);
    let new = NewToken {
        name: parameters.required("name")?.to_owned(),
        scopes: Access::known(parameters.required("scopes")?)?,
        days: parameters.required("days")?.parse().unwrap_or(0),
        audience: site.issuer.clone(),
    };
    Ok((parameters.required("for")?.to_owned(), new))
}

pub async fn ask(env: &Env, site: &Site, session: &Session, query: &str) -> Result<Response, Error> {
    let (grant_id, new) = wanted(query, site)?;
    let command = InBrowser::AskingClient { grant_id }.by(session.secret());
    match session.account.ask(&command).await? {
        Reply::Asking { client } => show(env, site, session, (&client, &new), query).await,
        _ => Err(Error::new(
            Code::InvalidRequest,
            "no client of this account asks for that: it may have been revoked, or belong to another account",
        )),
    }
}

/// Handles the form of the page.
pub async fn decide(env: &Env, site: &Site, session: &Session, form: PostedForm) -> Result<Response, Error> {
    let query = form.unchecked("request")?.unwrap_or_default().to_owned();
    let parameters = form.of_session(env, Page::Tokens, session, &query).await?;
    if parameters.optional("decision")? != Some("allow") {
        return screens::notice(site, "No token is made", "The client has got nothing. You can close this page.");
    }
    let (grant_id, new) = wanted(&query, site)?;
    let command = InBrowser::ApproveAccessToken { grant_id, new }.by(session.secret());
    let refused = |text: String| Err(Error::new(Code::InvalidRequest, text));
    match session.account.ask(&command).await? {
        Reply::Done => screens::notice(
            site,
            "You have agreed",
            "The client can make this access token within ten minutes: tell it to try again. You can end it at /tokens, \
             or with the client at /clients.",
        ),
        Reply::AccessTokenRefused { reason } => refused(reason.to_string()),
        Reply::NotAllowed { reason: Denial::ScopeExceeded } => {
            refused("the client may not do all of this itself".to_owned())
        }
        Reply::NotAllowed { .. } | Reply::NoSession => refused("the client or the sign-in has ended".to_owned()),
        _ => Err(Error::UnexpectedReply("Account")),
    }
}

async fn show(
    env: &Env,
    site: &Site,
    session: &Session,
    (client, new): (&Permission, &NewToken),
    query: &str,
) -> Result<Response, Error> {
    let keys = Keys::load(env).await?;
    let html = screens::render(&Asked {
        username: session.owner.shown(),
        client: named(&client.client_name),
        name: &new.name,
        days: new.days,
        abilities: &abilities(&new.scopes),
        request: query,
        form_token: &form_token(&keys, Page::Tokens, &session.credential, query)?,
    })?;
    Ok(page(200, Some(site), None)?.fixed(html.into_bytes()))
}
