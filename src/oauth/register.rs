//! Dynamic client registration (RFC 7591). Nothing is stored, so anyone may register as often as they like.

use runtime::now_ms;
use serde_json::{Map, Value, json};
use worker::{Env, Request, Response};

use crate::http::body::json;
use crate::http::error::{Code, Error, no_store};
use crate::oauth::client::metadata::RawClientMetadata;
use crate::oauth::client::record::{Record, secret};
use crate::oauth::client::{MAX_CLIENT_ID_BYTES, SecretBy};
use crate::oauth::grant_types;
use crate::objects::key_ring::Keys;

pub async fn register(request: &mut Request, env: &Env) -> Result<Response, Error> {
    let declared: RawClientMetadata = json(request, Code::InvalidClientMetadata).await?;
    let record = Record::new(declared.check()?, now_ms().div_euclid(1000));
    let keys = Keys::load(env).await?;
    let client_id = record.to_id(&keys)?;
    if client_id.len() > MAX_CLIENT_ID_BYTES {
        return Err(Error::new(Code::InvalidClientMetadata, "name and redirect URIs together are too long"));
    }
    let mut answer = Map::new();
    answer.insert("client_id".into(), client_id.as_str().into());
    answer.insert("client_id_issued_at".into(), record.registered_s.into());
    if !record.name.is_empty() {
        answer.insert("client_name".into(), record.name.into());
    }
    // Without redirect URIs only the device flow leads to a token.
    let by_device_alone = record.redirect_uris.is_empty();
    answer.insert("redirect_uris".into(), record.redirect_uris.into());
    answer.insert("token_endpoint_auth_method".into(), record.secret_by.map_or("none", SecretBy::name).into());
    if record.secret_by.is_some() {
        answer.insert("client_secret".into(), secret(&client_id, &keys)?.into());
        answer.insert("client_secret_expires_at".into(), 0.into());
    }
    let first = usize::from(by_device_alone);
    answer.insert("grant_types".into(), json!(grant_types::ALL.get(first..)));
    answer.insert("response_types".into(), if by_device_alone { json!([]) } else { json!(["code"]) });
    Ok(no_store(Response::builder().with_status(201))?.from_json(&Value::Object(answer))?)
}
