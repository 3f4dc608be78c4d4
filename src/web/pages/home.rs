//! The home page: what this server is, and how to connect to it.

use askama::Template;

#[derive(Template)]
#[template(path = "home.html", config = "src/web/pages/askama.toml")]
pub struct Home<'a> {
    pub style: &'static str,
    pub script: &'static str,
    /// The MCP endpoint's URL.
    pub endpoint: &'a str,
    /// The server's URL, which the extension asks for.
    pub server: &'a str,
    pub clients: &'a [Client],
    pub who: Option<Who>,
    pub version: &'static str,
}

/// Who is signed in, and how many Blenders are connected.
pub struct Who {
    pub username: String,
    pub blenders: usize,
}

/// How to connect a client. `snippet`: text to copy.
pub struct Client {
    pub id: &'static str,
    pub name: &'static str,
    pub how: &'static str,
    pub snippet: String,
}

/// The usual clients.
pub fn clients(endpoint: &str) -> Vec<Client> {
    let client = |id, name, how, snippet| Client { id, name, how, snippet };
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
        client(
            "vs-code",
            "VS Code",
            "In .vscode/mcp.json.",
            format!(r#"{{"servers": {{"blender": {{"type": "http", "url": "{endpoint}"}}}}}}"#),
        ),
        client(
            "cursor",
            "Cursor",
            "In .cursor/mcp.json.",
            format!(r#"{{"mcpServers": {{"blender": {{"url": "{endpoint}"}}}}}}"#),
        ),
        client("fastmcp", "FastMCP", "In Python.", format!(r#"Client("{endpoint}", auth="oauth")"#)),
        client(
            "inspector",
            "Inspector",
            "Choose the transport Streamable HTTP, and paste the URL.",
            "npx @modelcontextprotocol/inspector".to_owned(),
        ),
    ]
}
