//! Dynamic client registration (RFC 7591) and its management (RFC 7592). Nothing is stored, so anyone may register as
//! often as they like: a client's id is its record.
//!
//! What RFC 7592 says of a stored record becomes: GET reads the id, PUT makes a new id, and DELETE has nothing to delete.
//! A deleted id goes on to work for whoever still has it; what a user has allowed a client is taken back on `/clients`.

use runtime::now_ms;
use serde_json::{Map, Value, json};
use url::form_urlencoded;
use worker::{Env, Method, Response};

use crate::config::Config;
use crate::http::body::json;
use crate::http::error::{Code, Error, no_store};
use crate::http::parameters::Parameters;
use crate::oauth::bearer;
use crate::oauth::client::metadata::RawClientMetadata;
use crate::oauth::client::record::{self, Purpose, Record, credential, is_credential};
use crate::oauth::client::{MAX_CLIENT_ID_BYTES, SecretBy};
use crate::oauth::grant_types;
use crate::objects::key_ring::Keys;
use crate::request::Request;
use crate::site::Site;

/// `POST /register`, and with `client_id` in the query GET, PUT and DELETE.
pub async fn register(request: &mut Request, env: &Env) -> Result<Response, Error> {
    let site = Site::of(request, &Config::of(env))?;
    match request.method() {
        Method::Get => {
            let (client_id, record, keys) = registered(request, env).await?;
            told(&site, 200, &client_id, record, &keys)
        }
        Method::Put => {
            registered(request, env).await?;
            issue(&site, 200, request, env).await
        }
        Method::Delete => {
            registered(request, env).await?;
            Ok(no_store(Response::builder().with_status(204))?.empty())
        }
        _ => issue(&site, 201, request, env).await,
    }
}

/// Makes an id for the metadata in the body.
async fn issue(site: &Site, status: u16, request: &mut Request, env: &Env) -> Result<Response, Error> {
    let declared: RawClientMetadata = json(request, Code::InvalidClientMetadata).await?;
    let record = Record::new(declared.check()?, now_ms().div_euclid(1000));
    let keys = Keys::load(env).await?;
    let client_id = record.to_id(&keys)?;
    if client_id.len() > MAX_CLIENT_ID_BYTES {
        return Err(Error::new(Code::InvalidClientMetadata, "name and redirect URIs together are too long"));
    }
    told(site, status, &client_id, record, &keys)
}

/// The client that the request is about, once its registration token has been checked.
///
/// # Errors
/// 401 for an id or a token that this server did not issue (RFC 7592 section 2.1), 405 without an id.
async fn registered(request: &Request, env: &Env) -> Result<(String, Record, std::rc::Rc<Keys>), Error> {
    let query = request.url()?.query().unwrap_or_default().to_owned();
    let parameters = Parameters::parse(&query);
    let nameless = || Error::new(Code::MethodNotAllowed("POST"), "without client_id the method must be POST");
    let client_id = parameters.optional("client_id")?.ok_or_else(nameless)?;
    let keys = Keys::with_kid(env, |keys| &keys.client_record, record::kid(client_id)).await?;
    let refused = || Error::new(Code::InvalidToken, "send the registration_access_token of this client_id");
    let record = Record::from_id(client_id, &keys)?.ok_or_else(refused)?;
    let header = request.headers().get("authorization")?.unwrap_or_default();
    let token = bearer::token(&header).ok_or_else(refused)?;
    if !is_credential(Purpose::Registration, token, client_id, &keys)? {
        return Err(refused());
    }
    Ok((client_id.to_owned(), record, keys))
}

/// The registration response (RFC 7591 section 3.2.1, RFC 7592 section 3).
fn told(site: &Site, status: u16, client_id: &str, record: Record, keys: &Keys) -> Result<Response, Error> {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("client_id", client_id).finish();
    let mut answer = Map::new();
    answer.insert("client_id".into(), client_id.into());
    answer.insert("client_id_issued_at".into(), record.registered_s.into());
    answer.insert("registration_client_uri".into(), format!("{}/register?{query}", site.here).into());
    answer.insert("registration_access_token".into(), credential(Purpose::Registration, client_id, keys)?.into());
    if !record.name.is_empty() {
        answer.insert("client_name".into(), record.name.into());
    }
    // Without redirect URIs only the device flow leads to a token.
    let by_device_alone = record.redirect_uris.is_empty();
    answer.insert("redirect_uris".into(), record.redirect_uris.into());
    answer.insert("token_endpoint_auth_method".into(), record.secret_by.map_or("none", SecretBy::name).into());
    if record.secret_by.is_some() {
        answer.insert("client_secret".into(), credential(Purpose::Secret, client_id, keys)?.into());
        answer.insert("client_secret_expires_at".into(), 0.into());
    }
    let first = usize::from(by_device_alone);
    answer.insert("grant_types".into(), json!(grant_types::ALL.get(first..)));
    answer.insert("response_types".into(), if by_device_alone { json!([]) } else { json!(["code"]) });
    Ok(no_store(Response::builder().with_status(status))?.from_json(&Value::Object(answer))?)
}
