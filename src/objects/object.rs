//! Sends a JSON command to a Durable Object and parses its JSON reply.

use kernel::json;
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::wasm_bindgen::JsValue;
use worker::{Headers, Method, Request, RequestInit, Stub};

use crate::http::error::Error;

/// `name`: the object's class, for the log.
pub async fn ask<Reply: DeserializeOwned>(
    stub: &Stub,
    name: &'static str,
    url: &str,
    command: &impl Serialize,
) -> Result<Reply, Error> {
    Ok(json::read(&post(stub, name, url, command).await?)?)
}

/// The same, with the bytes of the answer.
pub async fn post(stub: &Stub, name: &'static str, url: &str, command: &impl Serialize) -> Result<Vec<u8>, Error> {
    let headers = Headers::new();
    headers.set("content-type", "application/json")?;
    let mut init = RequestInit::new();
    let body = JsValue::from_str(&serde_json::to_string(command)?);
    init.with_method(Method::Post).with_headers(headers).with_body(Some(body));
    let mut response = stub.fetch_with_request(Request::new_with_init(url, &init)?).await?;
    if response.status_code() != 200 {
        return Err(Error::Object(name, response.status_code()));
    }
    Ok(response.bytes().await?)
}
