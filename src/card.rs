//! How this server describes itself: to a connected client, and to registries of servers (MCP Server Card).
use serde_json::{Value, json};

use crate::site::Site;

const VERSION: &str = env!("CARGO_PKG_VERSION");
const SCHEMA: &str = "https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json";
const REGISTRY_SCHEMA: &str = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json";

/// The MCP `Implementation` object that is part of every result in revision 2026-07-28.
pub fn server_info() -> Value {
    json!({"name": "blender-bus", "title": "Blender Bus", "version": VERSION})
}

/// The same with description, website and icons. `origin`: where the server is reached.
pub fn full_server_info(origin: &str) -> Value {
    let mut info = server_info();
    if let Some(fields) = info.as_object_mut() {
        fields.insert("description".to_owned(), json!("Any AI client in your own Blender, from anywhere."));
        fields.insert("websiteUrl".to_owned(), json!(origin));
        fields.insert("icons".to_owned(), icons(origin));
    }
    info
}

/// What registries of servers take as `server.json`.
pub fn registry_entry(site: &Site) -> Value {
    let mut entry = document(site);
    if let Some(fields) = entry.as_object_mut() {
        fields.insert("$schema".to_owned(), json!(REGISTRY_SCHEMA));
    }
    entry
}

/// The document at `/.well-known/mcp/server-card.json`.
pub fn document(site: &Site) -> Value {
    let host = site.here.split_once("://").map_or("", |(_, host)| host);
    let host = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    let namespace = host.rsplit('.').map(|label| label.replace(':', "-")).collect::<Vec<_>>().join(".");
    let mut card = full_server_info(&site.here);
    if let Some(fields) = card.as_object_mut() {
        fields.insert("$schema".to_owned(), json!(SCHEMA));
        fields.insert("name".to_owned(), json!(format!("{namespace}/blender-bus")));
        let remote = json!({"type": "streamable-http", "url": format!("{}/mcp", site.here)});
        fields.insert("remotes".to_owned(), json!([remote]));
    }
    card
}

/// Without `sizes`, an icon is of any size. Clients of autumn 2025 take only a text there, later ones only a list.
fn icons(origin: &str) -> Value {
    json!([{"src": format!("{origin}/icon.svg"), "mimeType": "image/svg+xml"}])
}
