//! `/clients`: what the owner has allowed, and taking it back.
use account::accounts::{Command, Reply};
use account::consents::Allowed;
use url::Url;
use worker::{Env, Method, Request, Response};

use crate::config::Config;
use crate::http::error::Error;
use crate::http::form::{expect_method, form};
use crate::http::redirect::see_other;
use crate::oauth::client::{PASSWORD_CLIENT, document};
use crate::objects::key_ring::Keys;
use crate::site::Site;
use crate::web::browser::{FormFor, Session, form_token, form_token_is_right, is_same_origin, page};
use crate::web::pages::STYLE;
use crate::web::pages::clients::{Clients, Row};
use crate::web::screens;
use crate::web::tokens::day;

pub async fn clients(request: &mut Request, env: &Env) -> Result<Response, Error> {
    expect_method(request, &[Method::Get, Method::Head, Method::Post], "GET, HEAD, POST")?;
    let site = Site::of(request, &Config::of(env))?;
    let posted = if request.method() == Method::Post { Some(form(request).await?) } else { None };
    let Some(session) = Session::of(request, env, &site).await? else {
        return Ok(see_other("/login?return_to=/clients")?.empty());
    };
    let mut done = None;
    if let Some(parameters) = posted {
        let token = parameters.optional("form_token")?.unwrap_or_default();
        let keys = Keys::kept(env).await?;
        let right = form_token_is_right(&keys, FormFor::Clients, &session.credential, "", token)?;
        if !right || !is_same_origin(request, &site)? {
            return screens::forged(&site);
        }
        let (secret, client_id) = (session.secret().to_owned(), parameters.required("revoke")?.to_owned());
        session.account.ask(&Command::ForgetClient { session: secret, client_id }).await?;
        done = Some("It is revoked.");
    }
    show(env, &site, &session, done).await
}

async fn show(env: &Env, site: &Site, session: &Session, done: Option<&str>) -> Result<Response, Error> {
    let rows: Vec<Row> =
        match session.account.ask(&Command::ListClients { session: session.secret().to_owned() }).await? {
            Reply::Clients { clients } => clients.into_iter().map(row).collect(),
            // The session has ended since it was looked at.
            _ => return Ok(see_other("/login?return_to=/clients")?.empty()),
        };
    let keys = Keys::kept(env).await?;
    let html = screens::render(&Clients {
        style: STYLE,
        username: &session.owner.username,
        rows: &rows,
        done,
        form_token: &form_token(&keys, FormFor::Clients, &session.credential, "")?,
        sign_out_token: &form_token(&keys, FormFor::SignOut, &session.credential, "")?,
    })?;
    Ok(page(200, Some(site), None)?.fixed(html.into_bytes()))
}

fn row(client: Allowed) -> Row {
    let is_password = client.client_id == PASSWORD_CLIENT;
    let described = Url::parse(&client.client_id).ok().filter(|_| document::is_address(&client.client_id));
    Row {
        name: if is_password {
            "Signed in by password".to_owned()
        } else {
            screens::named(&client.client_name).to_owned()
        },
        publisher: described.and_then(|url| url.host_str().map(str::to_owned)),
        scopes: client.scopes.to_string(),
        since: day(client.since_ms),
        last_used: day(client.used_ms),
        remembered: client.remembered,
        client_id: client.client_id,
    }
}
