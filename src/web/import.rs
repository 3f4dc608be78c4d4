//! `/account/import`: takes over what it can from the download of an account on another server (see `export`): access
//! tokens, made anew. What stays behind is named, so that its owner knows what to do by hand.

use account::access_tokens::Listed;
use account::accounts::{InBrowser, Reply};
use account::consents::Allowed;
use account::import::{Imported, LeftOut, Made};
use kernel::json;
use serde::Deserialize;
use worker::wasm_bindgen::JsCast;
use worker::web_sys::File as ChosenFile;
use worker::{Env, File, Method, Response};

use crate::config::Config;
use crate::http::error::{Code, Error};
use crate::objects::account::CredentialKind;
use crate::objects::key_ring::Keys;
use crate::request::Request;
use crate::routes::Page;
use crate::site::Site;
use crate::web::browser::{Session, page};
use crate::web::export::FORMAT;
use crate::web::pages::account::{Import as ImportPage, ImportedToken};
use crate::web::posted_form::{PostedForm, drop_form, form_token};
use crate::web::return_to::sign_in_first;
use crate::web::screens::{self, day, named};

/// The largest file that is taken. All but the jobs of the largest account has a quarter of it.
const MAX_BYTES: usize = 16 * 1024 * 1024;
const FILE: &str = "file";
/// The most names that are shown of each kind.
const MAX_SHOWN: usize = 200;

/// The version of a document, which is read before anything else of it.
#[derive(Deserialize)]
struct Version {
    format: String,
}

/// What is read of a document. Its other fields stay where they are.
#[derive(Deserialize)]
struct Document {
    account: From,
    allowed_clients: Vec<Allowed>,
    access_tokens: Vec<Listed>,
    bus_clients: Vec<BusClient>,
}

#[derive(Deserialize)]
struct From {
    username: String,
}

#[derive(Deserialize)]
struct BusClient {
    uuid: String,
    client_type: String,
}

/// The outcome of a form on the page.
enum Outcome {
    Nothing,
    Failed(Code, String),
    Done(Box<Document>, Imported),
}

pub async fn import(request: &mut Request, env: &Env) -> Result<Response, Error> {
    let site = Site::of(request, &Config::of(env))?;
    let Some(session) = Session::of(request, env, &site).await? else {
        drop_form(request).await;
        return sign_in_first(Page::Import);
    };
    let outcome = match request.method() {
        Method::Post => posted(request, env, &site, &session).await?,
        _ => Outcome::Nothing,
    };
    show(env, &site, &session, &outcome).await
}

/// Takes a file over that the form of the page has sent.
async fn posted(request: &mut Request, env: &Env, site: &Site, session: &Session) -> Result<Outcome, Error> {
    let (form, sent) = match PostedForm::multipart(request, site, MAX_BYTES).await {
        Ok(posted) => posted,
        // Nothing is read of it, so it need not be from this page.
        Err(Error::Rejected { code: Code::TooLarge, .. }) => {
            let message = format!(
                "The file is larger than {} MiB. Download it from the other server without its jobs, or take \"jobs\" out of it.",
                MAX_BYTES >> 20
            );
            return Ok(Outcome::Failed(Code::TooLarge, message));
        }
        Err(error) => return Err(error),
    };
    form.of_session(env, Page::Import, session, "").await?;
    let file = match sent.get(FILE).dyn_into::<ChosenFile>() {
        Ok(file) => {
            let file: File = file.into();
            file.bytes().await?
        }
        Err(_) => Vec::new(),
    };
    match read(&file) {
        Ok(document) => take_over(session, site, document).await,
        Err(why) => Ok(Outcome::Failed(Code::InvalidRequest, why)),
    }
}

/// The document of a file, or what is wrong with it, for its owner.
fn read(file: &[u8]) -> Result<Document, String> {
    if file.is_empty() {
        return Err("No file was chosen, or it is empty.".to_owned());
    }
    let Version { format } = json::read(file).map_err(|error| {
        format!(
            "This is not the download of an account: a JSON object with the field \"format\" is expected ({error})."
        )
    })?;
    if format != FORMAT {
        let shown: String = format.chars().take(80).collect();
        return Err(format!("The file has the format {shown:?}, and this server reads {FORMAT:?}."));
    }
    json::read(file).map_err(|error| format!("The file is damaged, nothing was taken from it: {error}."))
}

async fn take_over(session: &Session, site: &Site, document: Document) -> Result<Outcome, Error> {
    let (tokens, audience) = (document.access_tokens.clone(), site.issuer.clone());
    let command = InBrowser::Import { tokens, audience }.by(session.secret());
    Ok(match session.account.ask(&command).await? {
        Reply::Imported { imported } => Outcome::Done(Box::new(document), imported),
        Reply::AccessTokenRefused { reason } => {
            Outcome::Failed(Code::InvalidRequest, format!("Nothing was taken from the file: {reason}."))
        }
        Reply::NoSession => Outcome::Failed(Code::InvalidRequest, "The session has ended in the meantime.".to_owned()),
        _ => return Err(Error::UnexpectedReply("Account")),
    })
}

async fn show(env: &Env, site: &Site, session: &Session, outcome: &Outcome) -> Result<Response, Error> {
    let keys = Keys::load(env).await?;
    let (mut status, mut error, mut done) = (200, None, None);
    match outcome {
        Outcome::Nothing => {}
        Outcome::Failed(code, why) => (status, error) = (code.status(), Some(why.as_str())),
        Outcome::Done(document, imported) => done = Some((document.as_ref(), imported)),
    }
    let tokens: Vec<_> =
        done.iter().flat_map(|(_, imported)| &imported.made).map(|made| token(session, made)).collect();
    let clients = done.iter().flat_map(|(document, _)| &document.allowed_clients);
    let blenders = done.iter().flat_map(|(document, _)| &document.bus_clients);
    let html = screens::render(&ImportPage {
        username: session.owner.shown(),
        error,
        from: done.map(|(document, _)| document.account.username.as_str()),
        tokens: &tokens,
        left_out: &done.iter().flat_map(|(_, imported)| &imported.left_out).map(left_out).collect::<Vec<_>>(),
        clients: &clients.map(|client| named(&client.client_name)).take(MAX_SHOWN).collect::<Vec<_>>(),
        blenders: &blenders
            .filter(|client| client.client_type == "blender")
            .map(|client| client.uuid.as_str())
            .take(MAX_SHOWN)
            .collect::<Vec<_>>(),
        form_token: &form_token(&keys, Page::Import, &session.credential, "")?,
    })?;
    Ok(page(status, Some(site), None)?.fixed(html.into_bytes()))
}

fn token(session: &Session, made: &Made) -> ImportedToken {
    ImportedToken {
        name: made.listed.name.clone(),
        scopes: made.listed.scopes.to_string(),
        ends: day(made.listed.expires_ms),
        token: session.account.credential(CredentialKind::AccessToken, &made.secret),
    }
}

fn left_out(left: &LeftOut) -> (String, String) {
    (left.name.chars().take(80).collect(), left.why.to_string())
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_file_that_is_no_download_is_refused_and_says_why() {
        for (file, said) in [
            ("", "No file was chosen"),
            ("not json", "not the download of an account"),
            ("[1]", "not the download of an account"),
            ("{}", "missing field `format`"),
            (r#"{"format": "blender-bus-export-2"}"#, r#"reads "blender-bus-export-1""#),
            (r#"{"format": "blender-bus-export-1"}"#, "missing field `account`"),
            ("{\"format\": \"blender-bus-export-1\", \"account\": {\"username\": 3}}", "damaged"),
        ] {
            let why = read(file.as_bytes()).err().unwrap_or_default();
            assert!(why.contains(said), "{file}: {why}");
        }
    }

    #[test]
    fn a_bound_that_cannot_be_read_is_not_taken_for_none() {
        let token = |scopes| {
            format!(
                r#"{{"format": "blender-bus-export-1", "account": {{"username": "ada"}}, "allowed_clients": [], "bus_clients": [],
                "access_tokens": [{{"token_id": "g-1", "name": "farm", "scopes": "{scopes}", "created_ms": 1, "expires_ms": 2,
                "last_used_ms": null}}], "jobs": [{{"anything": 1}}]}}"#
            )
        };
        assert!(read(token("peer blender=studio-1").as_bytes()).is_ok_and(|read| read.access_tokens.len() == 1));
        assert!(read(token("peer blender=").as_bytes()).is_err());
    }
}
