//! The home page: what this server is, and how to connect to it.

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use url::form_urlencoded::byte_serialize;

use crate::catalog::tools::{Profile, bytes_to_models};

/// 4.4 bytes, as bench/profiles.mjs reckons.
const TENTHS_OF_BYTES_A_TOKEN: usize = 44;

#[derive(Template)]
#[template(path = "home.html", config = "src/web/pages/askama.toml")]
pub struct Home<'a> {
    /// The MCP endpoint's URL.
    pub endpoint: &'a str,
    /// The server's URL, which the extension asks for.
    pub server: &'a str,
    pub clients: &'a [Client],
    pub profiles: &'a [ListedProfile],
    pub who: Option<Who>,
    pub version: &'static str,
}

/// Who is signed in, and how many Blenders are connected.
pub struct Who {
    pub username: String,
    pub blenders: usize,
}

/// An endpoint with a part of the tools.
pub struct ListedProfile {
    pub path: &'static str,
    pub purpose: &'static str,
    /// What its list costs a conversation.
    pub bytes: usize,
    /// The same in tokens, estimated.
    pub tokens: usize,
}

/// The endpoints by profile.
pub fn profiles() -> Vec<ListedProfile> {
    let listed = |profile: Profile| {
        let bytes = bytes_to_models(profile);
        let tokens = bytes.saturating_mul(10) / TENTHS_OF_BYTES_A_TOKEN;
        ListedProfile { path: profile.path(), purpose: profile.purpose(), bytes, tokens }
    };
    Profile::ALL.map(listed).into()
}

/// How to connect a client. `snippet`: text to copy. `link`: what opens the client and asks it to add the server.
pub struct Client {
    pub id: &'static str,
    pub name: &'static str,
    pub how: &'static str,
    pub snippet: String,
    pub link: Option<String>,
}

/// The usual clients.
pub fn clients(endpoint: &str) -> Vec<Client> {
    let client = |id, name, how, snippet| Client { id, name, how, snippet, link: None };
    vec![
        client(
            "claude",
            "Claude",
            "Settings, Connectors, Add custom connector: paste the URL. The server must be on the internet.",
            String::new(),
        ),
        client(
            "claude-code",
            "Claude Code",
            "In a terminal; then /mcp to sign in.",
            format!("claude mcp add --transport http blender {endpoint}"),
        ),
        Client {
            link: Some(vs_code_link(endpoint)),
            ..client(
                "vs-code",
                "VS Code",
                "In .vscode/mcp.json.",
                format!(r#"{{"servers": {{"blender": {{"type": "http", "url": "{endpoint}"}}}}}}"#),
            )
        },
        Client {
            link: Some(cursor_link(endpoint)),
            ..client(
                "cursor",
                "Cursor",
                "In .cursor/mcp.json.",
                format!(r#"{{"mcpServers": {{"blender": {{"url": "{endpoint}"}}}}}}"#),
            )
        },
        client("fastmcp", "FastMCP", "In Python.", format!(r#"Client("{endpoint}", auth="oauth")"#)),
        client(
            "inspector",
            "Inspector",
            "Choose the transport Streamable HTTP, and paste the URL.",
            "npx @modelcontextprotocol/inspector".to_owned(),
        ),
    ]
}

fn encoded(text: &str) -> String {
    // A form's plus sign for a space means a plus sign to the clients.
    byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

fn vs_code_link(endpoint: &str) -> String {
    let server = json!({"name": "blender", "type": "http", "url": endpoint});
    format!("vscode:mcp/install?{}", encoded(&server.to_string()))
}

fn cursor_link(endpoint: &str) -> String {
    let config = STANDARD.encode(json!({"url": endpoint}).to_string());
    format!("cursor://anysphere.cursor-deeplink/mcp/install?name=blender&config={}", encoded(&config))
}
