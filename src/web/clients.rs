//! `/clients`: lists the clients that the owner has allowed, and revokes them.

use account::accounts::{InBrowser, Reply};
use account::consents::Allowed;
use kernel::access::Bound;
use url::Url;
use worker::{Env, Response};

use crate::config::Config;
use crate::http::error::Error;
use crate::oauth::client::{PASSWORD_CLIENT, document};
use crate::objects::key_ring::Keys;
use crate::request::Request;
use crate::routes::Page;
use crate::site::Site;
use crate::web::browser::{Session, page};
use crate::web::pages::clients::{Clients, Row};
use crate::web::posted_form::{PostedForm, form_token};
use crate::web::return_to::sign_in_first;
use crate::web::screens::{self, day};

pub async fn clients(request: &mut Request, env: &Env) -> Result<Response, Error> {
    let site = Site::of(request, &Config::of(env))?;
    let posted = PostedForm::of(request, &site).await?;
    let Some(session) = Session::of(request, env, &site).await? else {
        return sign_in_first(Page::Clients);
    };
    let mut done = None;
    if let Some(form) = posted {
        let parameters = form.of_session(env, Page::Clients, &session, "").await?;
        let (secret, client_id) = (session.secret().to_owned(), parameters.required("revoke")?.to_owned());
        session.account.ask(&InBrowser::ForgetClient { client_id }.by(secret)).await?;
        done = Some("It is revoked.");
    }
    show(env, &site, &session, done).await
}

async fn show(env: &Env, site: &Site, session: &Session, done: Option<&str>) -> Result<Response, Error> {
    let rows: Vec<Row> = match session.account.ask(&InBrowser::ListClients.by(session.secret())).await? {
        Reply::Clients { clients } => clients.into_iter().map(row).collect(),
        // The session has ended in the meantime.
        _ => return sign_in_first(Page::Clients),
    };
    let keys = Keys::load(env).await?;
    let html = screens::render(&Clients {
        username: &session.owner.username,
        rows: &rows,
        done,
        form_token: &form_token(&keys, Page::Clients, &session.credential, "")?,
        sign_out_token: &form_token(&keys, Page::SignOut, &session.credential, "")?,
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
        scopes: client.scopes.set.to_string(),
        only: client.scopes.bound.as_ref().map(Bound::shown),
        since: day(client.since_ms),
        last_used: day(client.used_ms),
        remembered: client.remembered,
        client_id: client.client_id,
    }
}
