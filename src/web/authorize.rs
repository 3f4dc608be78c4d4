//! `/authorize`, the authorization endpoint (OAuth 2.1 section 4.1): login if needed, consent, authorization code.
//!
//! GET changes nothing and needs no cookie. Errors are shown on a page until client and redirect URI are verified, and
//! until the person who is signed in has allowed this client something: anybody can make a client that redirects anywhere
//! (RFC 9700 section 4.11). Clients that the operator has configured are told errors at once.

use account::accounts::{InBrowser, Reply};
use account::codes::CodeBinding;
use account::consents::Consent;
use account::grants::Permission;
use kernel::access::Access;
use worker::{Env, Response};

use crate::config::Config;
use crate::http::error::{Code, Error};
use crate::http::parameters::Parameters;
use crate::http::redirect::see_other;
use crate::oauth::authorization_request::{
    RequestedAccess, TrustedRequest, find_trusted, requested_access, without_login_prompt,
};
use crate::oauth::redirect_uri::Destination;
use crate::objects::account::CredentialKind;
use crate::objects::key_ring::Keys;
use crate::request::Request;
use crate::routes::Page;
use crate::site::Site;
use crate::web::browser::{Session, page};
use crate::web::pages::sign_in::Consent as ConsentPage;
use crate::web::posted_form::{PostedForm, form_token};
use crate::web::return_to::header_safe;
use crate::web::screens::{self, abilities, named, render};

pub async fn authorize(request: &mut Request, env: &Env) -> Result<Response, Error> {
    let site = Site::of(request, &Config::of(env))?;
    if let Some(form) = PostedForm::of(request, &site).await? {
        return decide(request, env, &site, form).await;
    }
    let query = request.url()?.query().unwrap_or_default().to_owned();
    let trusted = find_trusted(&query, env, &site).await?;
    let session = Session::of(request, env, &site).await?;
    let access = match requested_access(&Parameters::parse(&query), &site) {
        Ok(access) => access,
        Err(error) => return refuse(&trusted, session.as_ref(), &site, error).await,
    };
    let prompt = access.prompt;
    let Some(session) = session.filter(|_| !prompt.login) else {
        if prompt.none {
            let error = Error::new(Code::LoginRequired, "nobody is signed in");
            return refuse(&trusted, None, &site, error).await;
        }
        let pending = screens::PendingClient { client: &trusted.client.name, destination: &trusted.destination };
        let return_to = format!("/authorize?{}", without_login_prompt(&query));
        return screens::login(request, env, &site, Some(&pending), &return_to, "", None).await;
    };
    if trusted.is_rememberable()
        && !prompt.consent
        && let Some(answer) = issue(&session, &trusted, &access, Consent::Before, &site).await?
    {
        return Ok(answer);
    }
    match (prompt.none, trusted.is_rememberable()) {
        (false, _) => consent(env, &site, &session, &trusted, &access.scopes, &query).await,
        (true, true) => {
            let error = Error::new(Code::ConsentRequired, "the user has not agreed to this before");
            refuse(&trusted, Some(&session), &site, error).await
        }
        (true, false) => {
            let error = "the user must be asked each time: other programs could use this redirect_uri too";
            refuse(&trusted, Some(&session), &site, Error::new(Code::InteractionRequired, error)).await
        }
    }
}

/// Tells the client of an error, or shows it on a page where nobody has vouched for the client.
async fn refuse(
    trusted: &TrustedRequest,
    session: Option<&Session>,
    site: &Site,
    error: Error,
) -> Result<Response, Error> {
    let known = match session {
        _ if trusted.client.by_operator => true,
        None => false,
        Some(session) => {
            let command = InBrowser::ListClients.by(session.secret());
            let Reply::Clients { clients } = session.account.ask(&command).await? else { return Err(error) };
            clients.iter().any(|client| client.client_id == trusted.client.id)
        }
    };
    if known { trusted.redirect_error(site, &error) } else { Err(error) }
}

/// Handles the form of the consent page.
async fn decide(request: &Request, env: &Env, site: &Site, form: PostedForm) -> Result<Response, Error> {
    let missing = || Error::new(Code::InvalidRequest, "request is missing");
    let query = form.unchecked("request")?.ok_or_else(missing)?.to_owned();
    let query = query.as_str();
    let trusted = find_trusted(query, env, site).await?;
    let Some(session) = Session::of(request, env, site).await? else {
        return Ok(see_other(&format!("/authorize?{}", header_safe(query)))?.empty());
    };
    let parameters = form.of_session(env, Page::Authorize, &session, query).await?;
    let access = match requested_access(&Parameters::parse(query), site) {
        Ok(access) => access,
        Err(error) => return trusted.redirect_error(site, &error),
    };
    match parameters.optional("decision")? {
        Some("allow") => {
            let consent = if trusted.is_rememberable() { Consent::NowAndLater } else { Consent::Now };
            let answer = issue(&session, &trusted, &access, consent, site).await?;
            answer.ok_or(Error::UnexpectedReply("Account"))
        }
        _ => trusted.redirect_error(site, &Error::new(Code::AccessDenied, "the user has not allowed it")),
    }
}

/// Redirects to the client with a code. Returns `None` if the user has to be asked first.
async fn issue(
    session: &Session,
    trusted: &TrustedRequest,
    access: &RequestedAccess,
    consent: Consent,
    site: &Site,
) -> Result<Option<Response>, Error> {
    let command = InBrowser::IssueCode {
        permission: Permission {
            client_id: trusted.client.id.clone(),
            client_name: trusted.client.name.clone(),
            scopes: access.scopes.clone(),
            audience: site.issuer.clone(),
        },
        binding: CodeBinding {
            redirect_uri: trusted.redirect_uri.clone(),
            code_challenge: access.code_challenge.clone(),
        },
        consent,
    }
    .by(session.secret());
    match session.account.ask(&command).await? {
        Reply::Code { code } => {
            let code = session.account.credential(CredentialKind::Code, &code);
            trusted.redirect(site, &[("code", code.as_str())]).map(Some)
        }
        Reply::NotConsented => Ok(None),
        Reply::NoSession => {
            let error = Error::new(Code::LoginRequired, "the session has ended in the meantime");
            trusted.redirect_error(site, &error).map(Some)
        }
        _ => Err(Error::UnexpectedReply("Account")),
    }
}

/// Shows the consent page.
async fn consent(
    env: &Env,
    site: &Site,
    session: &Session,
    trusted: &TrustedRequest,
    scopes: &Access,
    query: &str,
) -> Result<Response, Error> {
    let keys = Keys::load(env).await?;
    let holder = session.credential.as_str();
    let (destination, warning) = describe(&trusted.destination);
    let html = render(&ConsentPage {
        client: named(&trusted.client.name),
        publisher: trusted.client.publisher.as_deref(),
        username: session.owner.shown(),
        destination: &destination,
        warning: warning.as_deref(),
        abilities: &abilities(scopes),
        remembered: trusted.is_rememberable(),
        request: query,
        form_token: &form_token(&keys, Page::Authorize, holder, query)?,
        sign_out_token: &form_token(&keys, Page::SignOut, holder, "")?,
    })?;
    Ok(page(200, Some(site), Some(&trusted.destination))?.fixed(html.into_bytes()))
}

fn describe(destination: &Destination) -> (String, Option<String>) {
    match destination {
        Destination::Web { host, private: false, .. } => (host.clone(), None),
        Destination::Web { host, private: true, .. } => (
            host.clone(),
            Some(format!(
                "{host} is this computer or one of your own network, where any program can answer. Allow it only if \
                 you know which one does."
            )),
        ),
        Destination::Loopback { .. } => (
            "a program on this computer".to_owned(),
            Some(
                "Any program on this computer can use this name. Allow it only if you have just started it \
                 yourself."
                    .to_owned(),
            ),
        ),
        Destination::App { scheme } => (
            format!("the app that opens {scheme}: links"),
            Some(format!(
                "Any app on this device can claim {scheme}: links. Allow it only if you have just started it yourself."
            )),
        ),
    }
}
