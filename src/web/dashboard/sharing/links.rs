//! `/shares`: the owner's share links, of one Blender or of all.

use account::accounts::{InBrowser, Reply};
use account::shares::NewShare;
use bus::wire::views::{BLENDER, JobsAsked};
use worker::{Env, Response};

use crate::http::error::Error;
use crate::http::parameters::Parameters;
use crate::oauth::personal_tokens;
use crate::objects::account::CredentialKind;
use crate::request::Request;
use crate::routes::Page;
use crate::web::browser::page_running;
use crate::web::dashboard::owner::Owner;
use crate::web::dashboard::shared::shown;
use crate::web::pages::SHARES_SCRIPT;
use crate::web::pages::sharing::{Made, Shares};
use crate::web::posted_form::PostedForm;
use crate::web::return_to::{sign_in_first, sign_in_first_with};
use crate::web::screens;

/// How long a link may be good, in minutes, and in words.
const LIFETIMES: [(i64, &str); 6] = [
    (15, "15 minutes"),
    (60, "1 hour"),
    (8 * 60, "8 hours"),
    (24 * 60, "1 day"),
    (3 * 24 * 60, "3 days"),
    (7 * 24 * 60, "7 days"),
];

/// The outcome of a form on the page.
#[derive(Default)]
struct Outcome {
    made: Option<Made>,
    done: Option<String>,
    error: Option<String>,
}

pub async fn shares(request: &mut Request, env: &Env) -> Result<Response, Error> {
    let query = request.url()?.query().unwrap_or_default().to_owned();
    let owner = match Owner::of(request, env).await? {
        Some(owner) => owner,
        None if query.is_empty() => return sign_in_first(Page::Shares),
        None => return sign_in_first_with(Page::Shares, &query),
    };
    let wanted = Parameters::parse(&query).optional("blender")?.unwrap_or_default().to_owned();
    let outcome = match PostedForm::of(request, &owner.site).await? {
        None => Outcome::default(),
        Some(form) => {
            let parameters = form.of_session(env, Page::Shares, &owner.session, "").await?;
            perform(&owner, &parameters).await?
        }
    };
    show(&owner, &wanted, outcome).await
}

async fn perform(owner: &Owner<'_>, parameters: &Parameters) -> Result<Outcome, Error> {
    match parameters.optional("end")? {
        Some(share_id) => end(owner, share_id).await,
        None => make(owner, parameters).await,
    }
}

async fn end(owner: &Owner<'_>, share_id: &str) -> Result<Outcome, Error> {
    // What this isolate remembers; the bus refuses it everywhere.
    personal_tokens::forget();
    let does = InBrowser::EndShare { share_id: share_id.to_owned() };
    let done = match owner.session.account.ask(&does.by(owner.session.secret())).await? {
        Reply::Done => "The share has ended. Its pages show nothing more, and its jobs are cancelled.",
        Reply::NoAccessToken => "This share had ended already.",
        _ => return Err(Error::UnexpectedReply("Account")),
    };
    Ok(Outcome { done: Some(done.to_owned()), ..Outcome::default() })
}

async fn make(owner: &Owner<'_>, parameters: &Parameters) -> Result<Outcome, Error> {
    let field = |name| parameters.optional(name).map(|value| value.unwrap_or_default().to_owned());
    let new = NewShare {
        name: field("name")?,
        blender: field("blender")?,
        may_work: field("may")? == "work",
        minutes: field("minutes")?.parse().unwrap_or(0),
        audience: owner.site.issuer.clone(),
    };
    let account = &owner.session.account;
    match account.ask(&InBrowser::Share { new }.by(owner.session.secret())).await? {
        Reply::ShareMade { token, share } => {
            let link = format!("{}/share/{}", owner.site.here, account.credential(CredentialKind::Share, &token));
            let made = Made { name: share.name, endpoint: format!("{link}/mcp"), link };
            Ok(Outcome { made: Some(made), ..Outcome::default() })
        }
        Reply::ShareRefused { reason } => Ok(Outcome { error: Some(reason.to_string()), ..Outcome::default() }),
        _ => Err(Error::UnexpectedReply("Account")),
    }
}

async fn show(owner: &Owner<'_>, wanted: &str, outcome: Outcome) -> Result<Response, Error> {
    let shares = owner.shares().await?;
    let overview = owner.overview(&JobsAsked::default()).await?;
    let blenders = overview.clients.iter().filter(|client| client.client_type == BLENDER);
    let html = screens::render(&Shares {
        username: owner.session.owner.shown(),
        now: overview.now,
        rows: &shares.iter().map(|share| shown(share, &overview.watching)).collect::<Vec<_>>(),
        blenders: &blenders.map(|client| client.uuid.clone()).collect::<Vec<_>>(),
        wanted,
        lifetimes: &LIFETIMES,
        made: outcome.made.as_ref(),
        done: outcome.done.as_deref(),
        error: outcome.error.as_deref(),
        form_token: &owner.form_token(Page::Shares).await?,
        sign_out_token: &owner.form_token(Page::SignOut).await?,
    })?;
    let status = if outcome.error.is_some() { 400 } else { 200 };
    Ok(page_running(status, Some(&owner.site), None, Some(&SHARES_SCRIPT))?.fixed(html.into_bytes()))
}
