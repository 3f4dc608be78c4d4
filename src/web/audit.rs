//! `/account/audit`: what touched the rights of the account, as a page, or as JSON with `?format=json`.

use account::accounts::{InBrowser, Reply};
use account::audit::Entry;
use serde_json::json;
use worker::{Env, Response};

use crate::config::Config;
use crate::http::error::{Error, no_store};
use crate::http::parameters::Parameters;
use crate::request::Request;
use crate::routes::Page;
use crate::site::Site;
use crate::web::browser::{Session, page};
use crate::web::pages::audit::{Audit, Row};
use crate::web::return_to::sign_in_first;
use crate::web::screens;

pub async fn audit(request: &Request, env: &Env) -> Result<Response, Error> {
    let site = Site::of(request, &Config::of(env))?;
    let Some(session) = Session::of(request, env, &site).await? else {
        return sign_in_first(Page::Audit);
    };
    let Reply::Audit { entries } = session.account.ask(&InBrowser::ListAudit.by(session.secret())).await? else {
        return sign_in_first(Page::Audit);
    };
    let query = Parameters::parse(request.url()?.query().unwrap_or_default());
    if query.optional("format")? == Some("json") {
        let disposition = "attachment; filename=\"blender-bus-audit.json\"";
        let response = no_store(Response::builder())?.with_header("content-disposition", disposition)?;
        return Ok(response.from_json(&json!({"username": session.owner.shown(), "entries": entries}))?);
    }
    let rows: Vec<Row> = entries.into_iter().map(row).collect();
    let html = screens::render(&Audit { username: session.owner.shown(), rows: &rows })?;
    Ok(page(200, Some(&site), None)?.fixed(html.into_bytes()))
}

fn row(entry: Entry) -> Row {
    let at = chrono::DateTime::from_timestamp(entry.at_ms.div_euclid(1000), 0);
    Row {
        at: at.map(|at| at.naive_utc().to_string()).unwrap_or_default(),
        what: entry.what,
        client: entry.client,
        detail: entry.detail,
        address: entry.address,
        times: entry.times,
    }
}
