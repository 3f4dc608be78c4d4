//! docs/reference/catalog.md: what the lists say, for people. `BLESS=1 cargo test reference` writes it anew.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;
use serde_json::value::RawValue;

use super::{app, prompts, resources, tools};

const HEAD: &str = "\
# Tools, resources and prompts

Made from the catalog in `src/catalog/`, where a change belongs: `BLESS=1 cargo test reference` writes this page anew, and a
test compares the two.

Every tool answers one JSON document, as text and as `structuredContent`. Wrong arguments are refused before anything runs
(`isError: true`), naming the argument and what it must be. Parameters in **bold** must be given.

";

const DISPATCH: &str = "\
## Blender tools

They run a command in a Blender and wait for its answer. Beside its own parameters each takes `target_uuid`, which Blender
(its uuid, or `latest`; may be left out while only one is connected), and `timeout_seconds` (also `_timeout`), the seconds to wait, at most 3600. With `wait_if_busy`
set to false, which is not listed, a tool does not wait while Blender works on something else that does not yield. The
answer is an envelope: `status`, `command`, `target_uuid`, `job_id`, `result` (text, or JSON as text), `error`.

| status | what happened | what to do |
|---|---|---|
| `completed` | the command returned | read `result` |
| `failed` | it raised, was refused in Blender, or its integration is switched off | read `error` |
| `timeout` | the time was up; the job goes on | `blender_job_status` and `blender_job_result` with the `job_id` |
| `no_client` | no Blender is connected | open Blender, enable the extension, Login, Connect |
| `ambiguous_target` | several are, and none was named | name one of `candidates` |
| `unknown_target` | no client has that name | name one of `candidates` |
| `disconnected` | the Blender left and was not back within 15 seconds | its job goes on if it comes back |
| `cancelled` | the job was cancelled before it ran | |
| `busy` | Blender works on something else, named in `running` (`job_id`, `command`, `seconds`), and the call had `wait_if_busy` set to false | call again later; `blender_job_cancel` ends what runs |

";

const SKILLS: &str = "
## Skills

What a model should know before it works in Blender, for hosts that load skills (the MCP extension
`io.modelcontextprotocol/skills`: `skills/list`, `skills/get`, `resources/directory/read`). They are listed as resources too,
as `text/markdown`. The files stand in `skills/` and can be copied from there; each block of their code is run by a test on
Blender 4.2, 4.5 and 5.0.

| URI | |
|---|---|
";

const APP: &str = "
## App

A page that hosts show beside the results of `blender_get_viewport_screenshot`, `blender_render`, `blender_render_views` and
`blender_get_scene_tree` (the MCP extension `io.modelcontextprotocol/ui`), as `text/html;profile=mcp-app`. The results are the
same without it. [What it shows](../how-to/see-in-the-chat.md).

| URI | |
|---|---|
";

fn parsed(list: &RawValue) -> Vec<Value> {
    serde_json::from_str(list.get()).unwrap()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// A schema in a few words.
fn kind(schema: &Value) -> String {
    if let Some(words) = schema["enum"].as_array() {
        return words
            .iter()
            .map(|word| format!("`{}`", word.as_str().unwrap_or("null")))
            .collect::<Vec<_>>()
            .join(", ");
    }
    let name = match &schema["type"] {
        Value::String(name) => name.clone(),
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "any value".to_owned(),
    };
    let bound = |field: &str| schema[field].as_f64().filter(|bound| bound.abs() < f64::from(i32::MAX));
    let bounds = [
        bound("minimum").map(|bound| format!("{bound} or more")),
        bound("maximum").map(|bound| format!("{bound} or less")),
    ];
    let bounds: Vec<String> = bounds.into_iter().flatten().collect();
    if bounds.is_empty() { name } else { format!("{name} ({})", bounds.join(", ")) }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn parameters(out: &mut String, schema: &Value, hidden: &[&str]) {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let own: Vec<_> = schema["properties"].as_object().into_iter().flatten().collect();
    let own: Vec<_> = own.into_iter().filter(|(name, _)| !hidden.contains(&name.as_str())).collect();
    if own.is_empty() {
        return;
    }
    out.push_str("| parameter | type | default | |\n|---|---|---|---|\n");
    for (name, schema) in own {
        let shown = if required.contains(&name.as_str()) { format!("**`{name}`**") } else { format!("`{name}`") };
        let default = schema.get("default").map_or(String::new(), |value| format!("`{value}`"));
        writeln!(out, "| {shown} | {} | {default} | {} |", cell(&kind(schema)), cell(text(schema, "description")))
            .unwrap();
    }
    out.push('\n');
}

fn tool(out: &mut String, tool: &Value) {
    let annotations = &tool["annotations"];
    let is = |hint: &str| annotations[hint] == true;
    let mut traits = vec![if is("readOnlyHint") { "Reads" } else { "Changes" }];
    traits.extend(is("destructiveHint").then_some("may delete or overwrite"));
    traits.extend(is("openWorldHint").then_some("reaches beyond Blender"));
    let timeout = &tool["inputSchema"]["properties"]["timeout_seconds"]["default"];
    let waits = timeout.as_f64().map_or(String::new(), |seconds| format!(" Waits {seconds} seconds."));
    writeln!(out, "### {}\n\n{}\n\n*{}.*{waits}\n", text(tool, "name"), text(tool, "description"), traits.join("; "))
        .unwrap();
    let dispatches = timeout.is_number();
    parameters(out, &tool["inputSchema"], if dispatches { &["target_uuid", "timeout_seconds"] } else { &[] });
    if !dispatches {
        let fields = tool["outputSchema"]["properties"].as_object().into_iter().flatten();
        let fields: Vec<String> = fields.map(|(name, _)| format!("`{name}`")).collect();
        writeln!(out, "Answers with some of {}.\n", fields.join(", ")).unwrap();
    }
}

/// Rows of those whose URI begins with `scheme`.
fn listed(out: &mut String, list: &RawValue, key: &str, scheme: &str) {
    for item in parsed(list).iter().filter(|item| text(item, key).starts_with(scheme)) {
        writeln!(out, "| `{}` | {} |", text(item, key), cell(text(item, "description"))).unwrap();
    }
}

fn reference() -> String {
    let mut out = HEAD.to_owned();
    let (dispatching, others): (Vec<_>, Vec<_>) = parsed(tools::list(tools::Profile::Full))
        .into_iter()
        .partition(|tool| tool["inputSchema"]["properties"]["timeout_seconds"].is_object());
    out.push_str(DISPATCH);
    dispatching.iter().for_each(|listed| tool(&mut out, listed));
    out.push_str("## Tools of the bus and the account\n\n");
    others.iter().for_each(|listed| tool(&mut out, listed));
    out.push_str("## Resources\n\nAll are `application/json`.\n\n| URI | |\n|---|---|\n");
    listed(&mut out, resources::list(), "uri", "blender://");
    listed(&mut out, resources::list_templates(), "uriTemplate", "blender://");
    out.push_str(SKILLS);
    listed(&mut out, resources::list(), "uri", "skill://");
    out.push_str(APP);
    listed(&mut out, resources::list(), "uri", app::URI);
    out.push_str("\n## Prompts\n\nTemplates of text; none runs anything.\n\n");
    for prompt in parsed(prompts::list()) {
        writeln!(out, "### {}\n\n{}\n", text(&prompt, "name"), text(&prompt, "description")).unwrap();
        for argument in prompt["arguments"].as_array().into_iter().flatten() {
            let must = if argument["required"] == true { "" } else { " (optional)" };
            writeln!(out, "- `{}`{must}: {}", text(argument, "name"), text(argument, "description")).unwrap();
        }
        out.push('\n');
    }
    format!("{}\n", out.trim_end())
}

#[test]
fn the_reference_says_what_the_catalog_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/catalog.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&page, reference()).unwrap();
    }
    let written = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(written == reference(), "{} is not up to date: BLESS=1 cargo test reference", page.display());
}
