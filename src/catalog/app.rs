//! The MCP App (`io.modelcontextprotocol/ui`, 2026-01-26): a page that hosts show beside the results of four tools.
//!
//! It stands in `app/`, in pieces that make one document without any request of its own. What it shows comes through the host,
//! and what it does are calls of this server's tools, which the host makes with the caller's own token.

use rmcp::model::MetaObject;
use serde_json::{Value, json};

pub const EXTENSION: &str = "io.modelcontextprotocol/ui";
pub const MIME_TYPE: &str = "text/html;profile=mcp-app";
pub const URI: &str = "ui://blender-bus/viewport";
pub const NAME: &str = "viewport";
pub const TITLE: &str = "Viewport";
pub const DESCRIPTION: &str =
    "The picture, the scene's tree, progress and files of a result, for hosts that show MCP Apps.";

/// The commands whose results it shows.
const COMMANDS: [&str; 4] = ["get_viewport_screenshot", "render", "render_views", "get_scene_tree"];
/// Where the page has the address of the dashboard.
const DASHBOARD: &str = "{{dashboard}}";
const PAGE: &str = concat!(
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n",
    "<meta name=\"dashboard\" content=\"{{dashboard}}\">\n<title>Blender Bus</title>\n<style>\n",
    include_str!("app/style.css"),
    "</style>\n</head>\n",
    include_str!("app/body.html"),
    "<script type=\"module\">\n",
    include_str!("app/host.js"),
    include_str!("app/words.js"),
    include_str!("app/news.js"),
    include_str!("app/run.js"),
    include_str!("app/picture.js"),
    include_str!("app/tree.js"),
    include_str!("app/main.js"),
    "</script>\n</body>\n</html>\n",
);

/// The page. `origin`: of this server, whose dashboard the page offers to open.
#[must_use]
pub fn page(origin: &str) -> String {
    PAGE.replace(DASHBOARD, &format!("{origin}/dashboard"))
}

/// What the extension is declared with.
#[must_use]
pub fn settings() -> Value {
    json!({"mimeTypes": [MIME_TYPE]})
}

/// What the page needs of its sandbox: no connection, nothing from elsewhere, no device.
#[must_use]
pub fn needs() -> Value {
    let csp = json!({"connectDomains": [], "resourceDomains": [], "frameDomains": [], "baseUriDomains": []});
    json!({"ui": {"csp": csp, "prefersBorder": true}})
}

/// The `_meta` of the tool of a command, if its results are shown by the page.
///
/// Every client is told: a list is the same for all, so that it can be kept, and the reference host does not declare the extension.
/// Clients do not pass it on to their models.
#[must_use]
pub fn of_tool(command: &str) -> Option<MetaObject> {
    COMMANDS.contains(&command).then(|| meta(json!({"ui": {"resourceUri": URI}})))
}

/// An object as `_meta`.
#[must_use]
pub fn meta(fields: Value) -> MetaObject {
    serde_json::from_value(fields).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{COMMANDS, MIME_TYPE, PAGE, URI, of_tool, page};
    use crate::catalog::tools::{self, DispatchTool, Profile};
    use crate::catalog::{app, resources};
    use serde_json::{Value, json};

    const LONGEST: usize = 60 * 1024;

    #[test]
    fn the_page_is_one_small_document_that_asks_nothing_of_anybody() {
        assert!(PAGE.len() < LONGEST, "{} bytes", PAGE.len());
        let page = page("https://bus.example");
        assert!(page.contains("content=\"https://bus.example/dashboard\"") && !page.contains("{{"));
        let own = page.replace("https://bus.example/dashboard", "");
        for foreign in [
            "http://",
            "https://",
            "src=",
            "href=",
            "url(",
            "@import",
            "import ",
            "fetch(",
            "XMLHttp",
            "WebSocket",
            "eval(",
            "innerHTML",
            "insertAdjacentHTML",
            "document.write",
        ] {
            assert!(!own.contains(foreign), "{foreign}");
        }
        assert_eq!(page.matches("</script>").count(), 1);
    }

    #[test]
    fn four_tools_name_it_and_no_other() {
        let listed: Vec<Value> = serde_json::from_str(tools::list(Profile::Full).get()).unwrap();
        let named: Vec<&str> = listed
            .iter()
            .filter(|tool| tool["_meta"]["ui"]["resourceUri"] == URI)
            .filter_map(|tool| tool["name"].as_str()?.strip_prefix("blender_"))
            .collect();
        assert_eq!(named.len(), COMMANDS.len());
        assert!(COMMANDS.iter().all(|command| named.contains(command) && DispatchTool::of_command(command).is_some()));
        assert!(of_tool("execute_code").is_none());
    }

    #[test]
    fn it_is_a_resource_whose_needs_can_be_reviewed_before_it_is_read() {
        let listed: Vec<Value> = serde_json::from_str(resources::list().get()).unwrap();
        let entry = listed.iter().find(|resource| resource["uri"] == URI).unwrap();
        assert_eq!((&entry["mimeType"], &entry["_meta"]), (&json!(MIME_TYPE), &app::needs()));
        assert_eq!(entry["_meta"]["ui"]["permissions"], Value::Null);
    }
}
