//! Clients whose `client_id` is the https URL of their metadata document
//! (draft-ietf-oauth-client-id-metadata-document-02, which MCP 2026-07-28 prefers to registration).
//!
//! The document is fetched before the user is asked for consent, never at the token endpoint: grants are bound to the
//! id. Redirects are not followed, and only valid documents are cached.

use core::time::Duration;

use kernel::json;
use runtime::now_ms;
use runtime::patience::within;
use serde_json::{Map, Value};
use url::Url;
use worker::{AbortSignal, Fetch, Headers, Request, RequestInit, RequestRedirect, console_log};

use crate::http::address::{self, Rules};
use crate::http::body::bounded;
use crate::http::error::{Code, Error};
use crate::oauth::client::metadata::{ClientMetadata, RawClientMetadata};
use crate::oauth::client::{Client, Secret};
use crate::site::Site;

mod cache;

/// The size that the draft recommends as limit (section 8.7), in bytes.
const MAX_BYTES: usize = 5 * 1024;
/// A `client_id` that is a URL.
const ADDRESS: Rules = Rules { max_bytes: 512, may_have_query: false };
/// For the whole response, headers and body.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a `client_id` is meant to be the URL of a metadata document.
pub fn is_address(client_id: &str) -> bool {
    client_id.starts_with("https://")
}

/// Fetches the client's metadata document, or takes it from the cache.
///
/// # Errors
/// `invalid_client_metadata` saying what is wrong with the URL or the document.
pub async fn fetch(client_id: &str, site: &Site) -> Result<Client, Error> {
    let url = address::check(client_id, ADDRESS, |name| site.is_own_host(name))
        .map_err(|error| refused(format!("a client_id that is a URL {error}")))?;
    if let Some(client) = cache::find(client_id, now_ms()) {
        return Ok(client);
    }
    let answer = within(PATIENCE, async |signal| read(&url, signal).await).await;
    let late = || refused(format!("its metadata document did not come within {} seconds", PATIENCE.as_secs()));
    let (body, lifetime_s) = answer.ok_or_else(late)??;
    let client = describe(&url, &body)?;
    cache::store(&client, lifetime_s, now_ms());
    Ok(client)
}

/// The body of the document, and for how many seconds it may be cached.
async fn read(url: &Url, signal: &AbortSignal) -> Result<(Vec<u8>, i64), Error> {
    let headers = Headers::new();
    headers.set("accept", "application/json")?;
    headers.set("user-agent", concat!("Blender-Bus/", env!("CARGO_PKG_VERSION")))?;
    let mut init = RequestInit::new();
    init.with_headers(headers).with_redirect(RequestRedirect::Manual);
    let request = Request::new_with_init(url.as_str(), &init)?;
    let mut response = Fetch::Request(request).send_with_signal(signal).await.map_err(|error| {
        console_log!("metadata document {url}: {error}");
        refused("its metadata document could not be fetched")
    })?;
    match response.status_code() {
        200 => {}
        status @ 300..=399 => {
            return Err(refused(format!("its metadata document is elsewhere ({status}): redirects are not followed")));
        }
        status => return Err(refused(format!("its metadata document was answered with {status}, expected 200"))),
    }
    let kind = response.headers().get("content-type")?.unwrap_or_default();
    if !is_json(&kind) {
        return Err(refused("its metadata document must have the content type application/json"));
    }
    let lifetime_s = cache::lifetime_s(|name| response.headers().get(name).ok().flatten());
    let body = bounded(response.stream()?, MAX_BYTES)
        .await
        .map_err(|error| {
            console_log!("metadata document {url}: {error}");
            refused("its metadata document broke off")
        })?
        .ok_or_else(|| refused(format!("its metadata document has more than {MAX_BYTES} bytes")))?;
    Ok((body, lifetime_s))
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// The client that the document at `url` describes.
fn describe(url: &Url, body: &[u8]) -> Result<Client, Error> {
    let Ok(fields) = json::read::<Map<String, Value>>(body) else {
        return Err(refused("its metadata document is not a JSON object"));
    };
    // A document is authoritative for its own URL only.
    if fields.get("client_id").and_then(Value::as_str) != Some(url.as_str()) {
        return Err(refused("client_id in its metadata document is not exactly the URL of the document"));
    }
    // The document is public, so it cannot hold a secret (draft section 4).
    if ["client_secret", "client_secret_expires_at"].iter().any(|name| fields.contains_key(*name)) {
        return Err(refused("its metadata document must hold no client_secret"));
    }
    if fields.get("token_endpoint_auth_method").is_some_and(|method| method.as_str() != Some("none")) {
        return Err(refused("token_endpoint_auth_method in its metadata document must be none"));
    }
    let declared: RawClientMetadata = serde_json::from_value(Value::Object(fields))
        .map_err(|error| refused(format!("its metadata document is not client metadata: {error}")))?;
    let ClientMetadata { name, redirect_uris, secret_by: _ } = declared.check()?;
    let publisher = url.host_str().map(str::to_owned);
    Ok(Client { id: url.to_string(), name, redirect_uris, secret: Secret::None, publisher, by_operator: false })
}

fn refused(description: impl Into<String>) -> Error {
    Error::new(Code::InvalidClientMetadata, format!("this client cannot be trusted: {}", description.into()))
}

#[cfg(test)]
mod tests {
    use super::{describe, is_json};
    use serde_json::{Value, json};
    use url::Url;

    const ID: &str = "https://app.acme.dev/client.json";

    fn document(more: &Value) -> Value {
        let mut document = json!({"client_id": ID, "client_name": "An app", "client_uri": "https://app.acme.dev/",
            "redirect_uris": ["https://app.acme.dev/cb", "http://127.0.0.1/cb"], "token_endpoint_auth_method": "none"});
        document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        document
    }

    fn described(document: &Value) -> Result<Vec<String>, String> {
        let client = describe(&Url::parse(ID).unwrap(), document.to_string().as_bytes());
        client.map(|client| client.redirect_uris).map_err(|error| error.to_string())
    }

    #[test]
    fn a_sound_document_is_a_public_client_of_the_host_that_serves_it() {
        let client = describe(&Url::parse(ID).unwrap(), document(&json!({})).to_string().as_bytes()).unwrap();
        assert_eq!((client.id.as_str(), client.publisher.as_deref()), (ID, Some("app.acme.dev")));
        assert_eq!(client.name, "An app");
    }

    #[test]
    fn a_document_speaks_for_its_own_url_alone() {
        for id in [json!("https://app.acme.dev/client.json/"), json!("https://APP.acme.dev/client.json"), json!(null)] {
            let refusal = described(&document(&json!({"client_id": id}))).unwrap_err();
            assert!(refusal.contains("not exactly the URL"), "{refusal}");
        }
    }

    #[test]
    fn a_document_with_a_shared_secret_or_a_bad_redirect_is_refused() {
        for (more, why) in [
            (json!({"client_secret": "x"}), "no client_secret"),
            (json!({"client_secret_expires_at": 0}), "no client_secret"),
            (json!({"token_endpoint_auth_method": "client_secret_basic"}), "must be none"),
            (json!({"token_endpoint_auth_method": "client_secret_post"}), "must be none"),
            (json!({"token_endpoint_auth_method": "client_secret_jwt"}), "must be none"),
            (json!({"token_endpoint_auth_method": "private_key_jwt"}), "must be none"),
            (json!({"redirect_uris": []}), "1 to 10"),
            (json!({"redirect_uris": ["http://app.acme.dev/cb"]}), "use https"),
            (json!({"redirect_uris": ["javascript:alert(1)"]}), "not allowed"),
            (json!({"redirect_uris": "https://app.acme.dev/cb"}), "not client metadata"),
            (json!({"grant_types": ["client_credentials"]}), "authorization_code"),
        ] {
            let refusal = described(&document(&more)).unwrap_err();
            assert!(refusal.contains(why), "{more}: {refusal}");
        }
        assert!(described(&json!([])).is_err() && described(&json!("x")).is_err());
    }

    #[test]
    fn json_is_told_by_its_content_type() {
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/oauth-client+json"] {
            assert!(is_json(kind), "{kind}");
        }
        for kind in ["", "text/html", "text/json", "application/jsonp", "text/plain; application/json"] {
            assert!(!is_json(kind), "{kind}");
        }
    }
}
