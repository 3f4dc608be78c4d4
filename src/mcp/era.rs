//! Detects which revision of MCP a request uses, and checks what that revision requires.
//!
//! Revision 2026-07-28 ("modern" here) is stateless: every request carries its version, the client's capabilities and,
//! in headers, method and name ("Request Metadata"). Earlier revisions ("legacy") have sessions, opened by
//! `initialize`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::mcp::wire::error::RpcError;
use crate::mcp::wire::message::Request;

pub const MODERN: &str = "2026-07-28";
/// Newest first. The oldest is older than this transport; clients of its first weeks name it all the same, and accept no other.
pub const LEGACY: &[&str] = &["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
/// The versions that are served without a session.
pub const SUPPORTED: &[&str] = &[MODERN];

const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
const CLIENT_INFO_KEY: &str = "io.modelcontextprotocol/clientInfo";
const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";
/// The extension by which a call may be answered with a task.
pub const TASKS: &str = "io.modelcontextprotocol/tasks";

/// What a modern request says about its client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    pub name: String,
    /// It can show forms to its user (elicitation).
    pub shows_forms: bool,
    /// It declares the tasks extension.
    pub knows_tasks: bool,
}

/// The MCP headers of a request.
#[derive(Debug, Default, Clone)]
pub struct McpHeaders {
    pub protocol_version: Option<String>,
    pub method: Option<String>,
    pub name: Option<String>,
    pub session_id: Option<String>,
}

/// Whether a header or the body names a revision without sessions.
pub fn is_modern(headers: &McpHeaders, request: &Request) -> bool {
    let declared = headers.protocol_version.as_deref();
    match declared {
        Some(version) => !LEGACY.contains(&version),
        None => request.meta(VERSION_KEY).is_some(),
    }
}

/// Checks that a modern request is complete; returns what it says about its client.
///
/// # Errors
/// -32602 for missing `_meta`, -32022 for another version, -32020 for a header that is missing or differs.
pub fn check_modern(headers: &McpHeaders, request: &Request) -> Result<Client, RpcError> {
    let malformed = |what: &str| RpcError::Malformed(format!("every request must carry params._meta[\"{what}\"]"));
    let version = request.meta(VERSION_KEY).and_then(Value::as_str).ok_or_else(|| malformed(VERSION_KEY))?;
    let capabilities = request.meta(CAPABILITIES_KEY).filter(|capabilities| capabilities.is_object());
    let capabilities = capabilities.ok_or_else(|| malformed(CAPABILITIES_KEY))?;
    same("MCP-Protocol-Version", headers.protocol_version.as_deref(), version)?;
    if version != MODERN {
        return Err(RpcError::UnsupportedVersion { requested: version.to_owned(), supported: SUPPORTED });
    }
    same("Mcp-Method", headers.method.as_deref(), &request.method)?;
    if let Some(source) = named_by(&request.method)
        && let Some(name) = request.params.get(source).and_then(Value::as_str)
    {
        let given = headers.name.as_deref().map(decoded).transpose()?;
        same("Mcp-Name", given.as_deref(), name)?;
    }
    let elicitation = capabilities.get("elicitation").and_then(Value::as_object);
    Ok(Client {
        name: client_name(request.meta(CLIENT_INFO_KEY)),
        // An empty object means forms.
        shows_forms: elicitation
            .is_some_and(|modes| modes.is_empty() || modes.get("form").is_some_and(Value::is_object)),
        knows_tasks: capabilities.get("extensions").and_then(|known| known.get(TASKS)).is_some_and(Value::is_object),
    })
}

/// Whether a revision has links to resources in the content of results. A client that names none speaks 2025-03-26.
pub fn has_links(version: &str) -> bool {
    matches!(version, "2025-06-18" | "2025-11-25")
}

/// The parameter that `Mcp-Name` mirrors.
fn named_by(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" => Some("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some("taskId"),
        _ => None,
    }
}

fn same(header: &str, given: Option<&str>, body: &str) -> Result<(), RpcError> {
    match given {
        Some(given) if given == body => Ok(()),
        Some(given) => {
            Err(RpcError::HeaderMismatch(format!("header {header} is {given:?}, but the body says {body:?}")))
        }
        None => Err(RpcError::HeaderMismatch(format!("header {header} is missing; the body says {body:?}"))),
    }
}

/// A header value, decoded if it has the form `=?base64?…?=`.
fn decoded(value: &str) -> Result<String, RpcError> {
    let Some(encoded) = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Ok(value.to_owned());
    };
    STANDARD
        .decode(encoded)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| RpcError::HeaderMismatch("header Mcp-Name does not decode from Base64 to UTF-8".to_owned()))
}

/// `name` of an `Implementation`, cut to 64 characters.
pub fn client_name(client_info: Option<&Value>) -> String {
    let name = client_info.and_then(|info| info.get("name")).and_then(Value::as_str).unwrap_or_default();
    name.chars().take(64).collect()
}

/// The revision to answer `initialize` with: the requested one if it has `initialize`, else the newest that has.
pub fn negotiated(requested: &str) -> &'static str {
    LEGACY.iter().find(|version| **version == requested).or(LEGACY.first()).copied().unwrap_or("2025-11-25")
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{Client, LEGACY, McpHeaders, check_modern, is_modern, negotiated};
    use crate::mcp::wire::id::Id;
    use crate::mcp::wire::message::Request;

    fn call(name: &str, meta: Value) -> Request {
        let params = json!({"name": name, "_meta": meta});
        let params = params.as_object().cloned().unwrap_or_else(Map::new);
        Request { id: Id::number(1), method: "tools/call".to_owned(), params, progress_token: None }
    }

    fn meta(version: &str) -> Value {
        json!({
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        })
    }

    fn headers(version: &str, name: &str) -> McpHeaders {
        McpHeaders {
            protocol_version: Some(version.to_owned()),
            method: Some("tools/call".to_owned()),
            name: Some(name.to_owned()),
            session_id: None,
        }
    }

    #[test]
    fn a_complete_request_passes_and_names_its_client() {
        let client = check_modern(&headers("2026-07-28", "a"), &call("a", meta("2026-07-28"))).unwrap();
        assert_eq!(client, Client { name: "test".to_owned(), ..Client::default() });
    }

    #[test]
    fn what_a_client_can_do_is_what_it_declares() {
        let cases = [
            (json!({"elicitation": {}}), (true, false)),
            (json!({"elicitation": {"form": {}, "url": {}}}), (true, false)),
            (json!({"elicitation": {"url": {}}}), (false, false)),
            (json!({"elicitation": true, "extensions": {"io.modelcontextprotocol/tasks": true}}), (false, false)),
            (json!({"extensions": {"io.modelcontextprotocol/tasks": {}}}), (false, true)),
        ];
        for (capabilities, can) in cases {
            let mut meta = meta("2026-07-28");
            meta["io.modelcontextprotocol/clientCapabilities"] = capabilities.clone();
            let client = check_modern(&headers("2026-07-28", "a"), &call("a", meta)).unwrap();
            assert_eq!((client.shows_forms, client.knows_tasks), can, "{capabilities}");
        }
    }

    #[test]
    fn a_name_in_the_base64_sentinel_is_decoded_before_it_is_compared() {
        let encoded = headers("2026-07-28", "=?base64?w6Q=?=");
        assert!(check_modern(&encoded, &call("ä", meta("2026-07-28"))).is_ok());
        let broken = headers("2026-07-28", "=?base64?!!?=");
        assert_eq!(check_modern(&broken, &call("ä", meta("2026-07-28"))).unwrap_err().code(), -32020);
    }

    #[test]
    fn each_missing_or_differing_part_has_its_code() {
        let good = meta("2026-07-28");
        let mut without_capabilities = good.clone();
        without_capabilities.as_object_mut().unwrap().remove("io.modelcontextprotocol/clientCapabilities");
        let cases = [
            (headers("2026-07-28", "a"), json!(null), -32602),
            (headers("2026-07-28", "a"), without_capabilities, -32602),
            (headers("2026-07-28", "b"), good.clone(), -32020),
            (headers("2026-07-28", "A"), good.clone(), -32020),
            (McpHeaders { method: None, ..headers("2026-07-28", "a") }, good.clone(), -32020),
            (McpHeaders { name: None, ..headers("2026-07-28", "a") }, good.clone(), -32020),
            (headers("2099-01-01", "a"), good, -32020),
            (headers("2099-01-01", "a"), meta("2099-01-01"), -32022),
        ];
        for (headers, meta, code) in cases {
            let error = check_modern(&headers, &call("a", meta)).unwrap_err();
            assert_eq!((error.code(), error.status(true)), (code, 400), "{error}");
        }
    }

    #[test]
    fn the_header_decides_the_era_and_the_body_where_there_is_none() {
        let none = McpHeaders::default();
        assert!(is_modern(&none, &call("a", meta("2026-07-28"))));
        assert!(!is_modern(&none, &call("a", json!(null))));
        assert!(!is_modern(&headers("2025-06-18", "a"), &call("a", json!(null))));
        assert!(is_modern(&headers("2026-07-28", "a"), &call("a", json!(null))));
    }

    #[test]
    fn a_version_without_initialize_is_never_echoed() {
        assert_eq!(negotiated("2026-07-28"), "2025-11-25");
        assert_eq!(negotiated("1999-01-01"), "2025-11-25");
        for version in LEGACY {
            assert_eq!(negotiated(version), *version, "{version}");
        }
    }
}
