//! Clients registered by the operator: `OAUTH_CLIENTS`, a JSON array of client metadata (RFC 7591).
//!
//! An invalid entry is skipped and logged; it never takes the server down.

use core::cell::OnceCell;
use std::collections::HashSet;
use std::rc::Rc;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use worker::{Env, console_error};

use crate::config::Config;
use crate::http::error::Error;
use crate::oauth::client::metadata::{ClientMetadata, RawClientMetadata};
use crate::oauth::client::{Client, Secret, record};

const MAX_ID_BYTES: usize = 256;
/// The shortest secret. Secrets are stored with a fast hash, so they must be random.
const MIN_SECRET_CHARACTERS: usize = 32;
const KNOWN: [&str; 8] = [
    "client_id",
    "client_name",
    "redirect_uris",
    "token_endpoint_auth_method",
    "client_secret",
    "client_secret_sha256",
    "grant_types",
    "response_types",
];

thread_local! {
    static KEPT: OnceCell<Rc<[Client]>> = const { OnceCell::new() };
}

/// The client with this id, if the operator has registered it.
pub fn find(client_id: &str, env: &Env) -> Option<Client> {
    let clients = KEPT.with(|kept| Rc::clone(kept.get_or_init(|| load(env))));
    clients.iter().find(|client| client.id == client_id).cloned()
}

/// Runs once per isolate, like reading the configuration.
fn load(env: &Env) -> Rc<[Client]> {
    let config = Config::of(env);
    let (clients, complaints) = config.oauth_clients.as_deref().map(read).unwrap_or_default();
    for complaint in complaints {
        console_error!("OAUTH_CLIENTS: {complaint}");
    }
    clients.into()
}

/// The valid clients, and a message for each invalid entry. Messages never contain a secret.
fn read(text: &str) -> (Vec<Client>, Vec<String>) {
    let entries: Vec<Value> = match serde_json::from_str(text) {
        Ok(entries) => entries,
        Err(error) => {
            let place = format!("line {}, column {}", error.line(), error.column());
            return (Vec::new(), vec![format!("must be a JSON array of objects, and is not (at {place})")]);
        }
    };
    let (mut clients, mut complaints, mut ids) = (Vec::new(), Vec::new(), HashSet::new());
    for (number, entry) in (1_usize..).zip(entries) {
        match client(entry) {
            Ok(client) if !ids.insert(client.id.clone()) => {
                complaints.push(format!("entry {number}: client_id {} is taken by an earlier entry", client.id));
            }
            Ok(client) => clients.push(client),
            Err(complaint) => complaints.push(format!("entry {number} is refused: {complaint}")),
        }
    }
    (clients, complaints)
}

fn client(entry: Value) -> Result<Client, String> {
    let Value::Object(fields) = entry else { return Err("must be an object".to_owned()) };
    if let Some(unknown) = fields.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(format!("{unknown} is not one of {}", KNOWN.join(", ")));
    }
    let id = text(&fields, "client_id")?.ok_or("client_id is missing")?.to_owned();
    if id.is_empty() || id.len() > MAX_ID_BYTES || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("client_id must have 1 to {MAX_ID_BYTES} characters of printable ASCII without spaces"));
    }
    if id.starts_with(record::PREFIX) || id.starts_with("urn:blender-bus:") {
        return Err(format!("client_id must not begin with {} or urn:blender-bus:", record::PREFIX));
    }
    let secret = secret(&fields)?;
    let has_method = fields.contains_key("token_endpoint_auth_method");
    let declared: RawClientMetadata =
        serde_json::from_value(Value::Object(fields)).map_err(|error| error.to_string())?;
    let ClientMetadata { name, redirect_uris, secret_by } = declared.check().map_err(|error| match error {
        Error::Rejected { description, .. } => description,
        other => other.to_string(),
    })?;
    if has_method && secret_by.is_some() != (secret != Secret::None) {
        return Err("token_endpoint_auth_method and the secret must agree: none, or a method and a secret".to_owned());
    }
    let name = if name.is_empty() { id.clone() } else { name };
    Ok(Client { id, name, redirect_uris, secret, publisher: None })
}

fn secret(fields: &Map<String, Value>) -> Result<Secret, String> {
    match (text(fields, "client_secret")?, text(fields, "client_secret_sha256")?) {
        (None, None) => Ok(Secret::None),
        (Some(_), Some(_)) => Err("give client_secret or client_secret_sha256, not both".to_owned()),
        (Some(secret), None) if secret.chars().count() < MIN_SECRET_CHARACTERS => {
            Err(format!("client_secret must have at least {MIN_SECRET_CHARACTERS} characters"))
        }
        (Some(secret), None) => Ok(Secret::Sha256(Sha256::digest(secret.as_bytes()).into())),
        (None, Some(hex)) => sha256_of_hex(hex)
            .map(Secret::Sha256)
            .ok_or_else(|| "client_secret_sha256 must have 64 hexadecimal digits".to_owned()),
    }
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, String> {
    match fields.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{name} must be a string")),
    }
}

fn sha256_of_hex(hex: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = hex.chars().map(|digit| digit.to_digit(16)?.try_into().ok()).collect::<Option<_>>()?;
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some((high << 4) | low),
        _ => None,
    };
    digits.chunks(2).map(byte).collect::<Option<Vec<u8>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::oauth::client::Secret;
    use serde_json::{Value, json};
    use sha2::{Digest, Sha256};

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn complaint(entry: &Value) -> String {
        let (clients, complaints) = read(&json!([entry, {"client_id": "next", "redirect_uris": uris()}]).to_string());
        assert_eq!(clients.iter().map(|client| client.id.as_str()).collect::<Vec<_>>(), ["next"], "{entry}");
        assert!(complaints.len() == 1 && !complaints[0].contains(SECRET), "{complaints:?}");
        complaints[0].clone()
    }

    fn uris() -> Value {
        json!(["https://app.example/cb"])
    }

    #[test]
    fn a_configured_client_is_public_or_has_a_secret_known_by_its_hash() {
        let hash = Sha256::digest(SECRET.as_bytes());
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let (clients, complaints) = read(
            &json!([
                {"client_id": "open", "client_name": "Open", "redirect_uris": uris()},
                {"client_id": "plain", "redirect_uris": uris(), "client_secret": SECRET},
                {"client_id": "hashed", "redirect_uris": uris(), "client_secret_sha256": hex,
                    "token_endpoint_auth_method": "client_secret_post"},
            ])
            .to_string(),
        );
        assert_eq!(complaints, Vec::<String>::new());
        let secrets: Vec<_> = clients.iter().map(|client| client.secret.clone()).collect();
        let known = Secret::Sha256(hash.into());
        assert_eq!(secrets, [Secret::None, known.clone(), known]);
        assert_eq!(clients.iter().map(|client| client.name.as_str()).collect::<Vec<_>>(), ["Open", "plain", "hashed"]);
    }

    #[test]
    fn a_wrong_entry_is_refused_alone_and_the_complaint_says_why() {
        for (entry, why) in [
            (json!("x"), "entry 1 is refused: must be an object"),
            (json!({}), "client_id is missing"),
            (json!({"client_id": 7}), "client_id must be a string"),
            (json!({"client_id": "a b"}), "printable ASCII"),
            (json!({"client_id": ""}), "1 to 256"),
            (json!({"client_id": "x".repeat(257)}), "1 to 256"),
            (json!({"client_id": "bmcl_x"}), "must not begin with"),
            (json!({"client_id": "urn:blender-bus:password"}), "must not begin with"),
            (json!({"client_id": "a"}), "redirect_uris must have 1 to 10 entries"),
            (json!({"client_id": "a", "redirect_uris": "https://app.example/cb"}), "expected a sequence"),
            (json!({"client_id": "a", "redirect_uris": ["http://app.example/"]}), "use https"),
            (json!({"client_id": "a", "redirect_urls": uris()}), "redirect_urls is not one of"),
            (json!({"client_id": "a", "redirect_uris": uris(), "client_secret": "short"}), "at least 32"),
            (json!({"client_id": "a", "redirect_uris": uris(), "client_secret_sha256": SECRET}), "64 hexadecimal"),
            (
                json!({"client_id": "a", "redirect_uris": uris(), "client_secret": SECRET, "client_secret_sha256": "x"}),
                "not both",
            ),
            (
                json!({"client_id": "a", "redirect_uris": uris(), "client_secret": SECRET,
                    "token_endpoint_auth_method": "none"}),
                "must agree",
            ),
            (
                json!({"client_id": "a", "redirect_uris": uris(), "token_endpoint_auth_method": "client_secret_basic"}),
                "must agree",
            ),
            (
                json!({"client_id": "a", "redirect_uris": uris(), "token_endpoint_auth_method": "private_key_jwt"}),
                "token_endpoint_auth_method must be",
            ),
        ] {
            assert!(complaint(&entry).contains(why), "{entry}: {}", complaint(&entry));
        }
    }

    #[test]
    fn what_is_no_array_and_a_name_given_twice_are_complained_of() {
        for text in ["", "{}", "[", "my-client", "\"x\""] {
            let (clients, complaints) = read(text);
            assert!(clients.is_empty() && complaints[0].contains("JSON array"), "{text}: {complaints:?}");
        }
        let twice = json!({"client_id": "a", "redirect_uris": uris()});
        let (clients, complaints) = read(&json!([twice, twice]).to_string());
        assert!(clients.len() == 1 && complaints[0].contains("taken"), "{complaints:?}");
        assert_eq!(read("[]"), (Vec::new(), Vec::new()));
    }
}
