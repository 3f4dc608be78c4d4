//! The texts of the prompts, filled in.

use bus::wire::priority::Priority;
use bus::wire::tool_parameters::{MAX_ID, MAX_WORD};
use kernel::arguments::Kind;
use serde_json::{Map, Value, json};

use super::advice;
use super::filled::Filled;
use crate::catalog::tools::{DispatchTool, dispatch_tools};

/// The part that all animation scripts share.
const FCURVES: &str = include_str!("animate_fcurves.py");
const VERSIONS: &str = include_str!("versions.md");

pub fn dispatch_script(filled: &Filled) -> String {
    let priority = priority(filled.text("priority"));
    let target = Target::parse(filled.text("target"));
    let description = match filled.text("description") {
        "" => "not told; read the script",
        description => description,
    };
    fill(
        include_str!("dispatch_script.md"),
        &[
            ("target", &target.described()),
            ("priority", &format!("{} ({})", priority.as_level(), priority.as_u8())),
            ("description", description),
            ("script", &fenced("python", filled.text("script"))),
            ("how", &target.how(priority)),
        ],
    )
}

pub fn dispatch_recipe(filled: &Filled) -> String {
    let asked = filled.text("command").trim();
    let command = asked.strip_prefix("blender_").unwrap_or(asked);
    let Some(tool) = DispatchTool::of_command(command) else {
        let known: Vec<&str> = dispatch_tools().map(|tool| tool.command()).collect();
        let known = known.join(", ");
        return format!("<unknown command: {}>\n\nThe commands are: {known}.\n", one_line(asked));
    };
    let mut arguments = Map::new();
    let mut lines = vec![tool.description.to_owned(), String::new()];
    if tool.parameters.is_empty() {
        lines.push("It takes no arguments of its own.".to_owned());
    }
    for param in tool.parameters {
        let default = param.default.value();
        let need = default.as_ref().map_or_else(|| "required".to_owned(), |value| format!("default {value}"));
        lines.push(format!("- `{}` ({}; {need}): {}", param.name, param.kind, param.description));
        if default.is_none() {
            arguments.insert(param.name.to_owned(), Value::String(format!("<{}>", param.name)));
        }
    }
    let arguments = Value::Object(arguments);
    let payload =
        json!({"message_type": "command_dispatch", "job_id": "<a new id>", "command": command, "params": arguments});
    fill(
        include_str!("dispatch_recipe.md"),
        &[
            ("command", command),
            ("tool", tool.name),
            ("what", &lines.join("\n")),
            ("arguments", &fenced("json", &pretty(&arguments))),
            ("payload", &fenced("json", &pretty(&payload))),
        ],
    )
}

pub fn script_writing_assistant(filled: &Filled) -> String {
    fill(include_str!("script_writing_assistant.md"), &[("goal", filled.text("goal")), ("versions", VERSIONS)])
}

pub fn modeling_workflow(filled: &Filled) -> String {
    let object_type = filled.text("object_type");
    let values = [("object_type", object_type), ("advice", advice::for_object(object_type)), ("versions", VERSIONS)];
    fill(include_str!("modeling_workflow.md"), &values)
}

pub fn rendering_setup(filled: &Filled) -> String {
    let engine = advice::engine(filled.text("engine"));
    let shown = engine.map_or_else(
        || format!("<unknown engine: {}>", one_line(filled.text("engine"))),
        |known| known.title.to_owned(),
    );
    let unknown = "The engines are cycles, eevee and workbench. The code below leaves the scene's own engine as it \
                   is.";
    let values = [
        ("engine", shown.as_str()),
        ("advice", engine.map_or(unknown, |known| known.advice)),
        ("engine_code", engine.map_or("", |known| known.code)),
        ("versions", VERSIONS),
    ];
    fill(include_str!("rendering_setup.md"), &values)
}

pub fn material_creation(filled: &Filled) -> String {
    let kind = filled.text("material_kind");
    let recipe = advice::material(kind);
    let values = [
        ("material_kind", kind),
        ("advice", recipe.advice),
        ("material_name", recipe.name),
        ("settings", recipe.settings),
        ("versions", VERSIONS),
    ];
    fill(include_str!("material_creation.md"), &values)
}

pub fn animation_basics(filled: &Filled) -> String {
    let kind = filled.text("animation_type");
    let recipe = advice::animation(kind);
    let code = fenced("python", &[FCURVES, recipe.code].concat());
    let values = [("animation_type", kind), ("advice", recipe.advice), ("code", &code), ("versions", VERSIONS)];
    fill(include_str!("animation_basics.md"), &values)
}

pub fn debug_assistant(filled: &Filled) -> String {
    let error = filled.text("error_text");
    let values = [
        ("error_text", fenced("text", error)),
        ("advice", advice::for_error(error)),
        ("versions", VERSIONS.to_owned()),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    fill(include_str!("debug_assistant.md"), &values)
}

pub fn asset_creation_strategy(filled: &Filled) -> String {
    let kind = filled.text("asset_kind");
    let values = [("asset_kind", kind), ("advice", advice::for_asset(kind))];
    fill(include_str!("asset_creation_strategy.md"), &values)
}

/// Where a script is sent.
enum Target<'a> {
    Client(&'a str),
    Group(&'a str),
    Type(&'a str),
    Broadcast,
    Invalid(&'a str),
}

impl<'a> Target<'a> {
    fn parse(spec: &'a str) -> Self {
        let is_label = |name: &str, max| Kind::Label { max }.check("target", &Value::from(name)).is_ok();
        match spec.trim().split_once(':') {
            None if spec.trim() == "broadcast" => Self::Broadcast,
            Some(("uuid", name)) if is_label(name, MAX_ID) => Self::Client(name),
            Some(("group", name)) if is_label(name, MAX_ID) => Self::Group(name),
            Some(("type", name)) if is_label(name, MAX_WORD) => Self::Type(name),
            _ => Self::Invalid(spec),
        }
    }

    fn described(&self) -> String {
        match self {
            Self::Client(uuid) => format!("the client `{uuid}`"),
            Self::Group(group) => format!("every member of the group `{group}`"),
            Self::Type(client_type) => format!("every client of type `{client_type}`"),
            Self::Broadcast => "every other client on the bus".to_owned(),
            Self::Invalid(spec) => format!("<invalid target spec: {}>", one_line(spec)),
        }
    }

    /// What to do, with the arguments of the call.
    fn how(&self, priority: Priority) -> String {
        let addressed = match self {
            Self::Client(uuid) => json!({"target_uuid": uuid}),
            Self::Group(group) => json!({"group_id": group}),
            Self::Type(client_type) => json!({"client_type": client_type}),
            Self::Broadcast => json!({}),
            Self::Invalid(_) => {
                return "The target cannot be used. Write it as `uuid:<client>`, `group:<name>`, `type:<client type>` \
                        or `broadcast`; `blender_list_available_clients` shows who is there. Send nothing until it \
                        is right.\n"
                    .to_owned();
            }
        };
        let payload = json!({
            "message_type": "job_dispatch", "job_id": "<a new id>", "script": "<the script above, unchanged>",
        });
        let mut arguments = Map::from_iter([("payload".to_owned(), payload)]);
        if let Value::Object(addressed) = addressed {
            arguments.extend(addressed);
        }
        arguments.insert("priority".to_owned(), json!(priority.as_level()));
        arguments.insert("from_uuid".to_owned(), json!("<your own uuid>"));
        let arguments = fenced("json", &pretty(&Value::Object(arguments)));
        let simpler = match self {
            Self::Client(uuid) => format!(
                "To wait for the outcome instead, call `blender_execute_code` with the script as `code` and `{uuid}` \
                 as `target_uuid`: it answers in the same call.\n\n"
            ),
            _ => String::new(),
        };
        format!(
            "{simpler}To send it without waiting:\n\
             1. See that the target is there: `blender_list_available_clients`.\n\
             2. Register yourself with `blender_register_client`, so that the outcome can reach you.\n\
             3. Call `blender_send_message` with these arguments:\n\n{arguments}\n\n\
             4. Each Blender that runs it reports with a message of kind `job_update` and the same `job_id`: status \
             `completed` with the output as `result`, or `failed` with the traceback as `error`.\n"
        )
    }
}

/// By name or number; the table admits nothing else.
fn priority(text: &str) -> Priority {
    let event_with_id = || text.parse().ok().and_then(Priority::from_number);
    Priority::from_level(text).or_else(event_with_id).unwrap_or_default()
}

/// Puts each value in the place of its `{{name}}`, in one pass.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, behind)) = after.split_once("}}") else { break };
        text.push_str(before);
        if let Some((_, value)) = values.iter().find(|(known, _)| *known == name) {
            text.push_str(value.trim_end());
        }
        rest = behind;
    }
    text.push_str(rest);
    text
}

/// A code block whose fence is longer than any in its content.
fn fenced(language: &str, content: &str) -> String {
    let longest = content.split(|character| character != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.saturating_add(1).max(3));
    format!("{fence}{language}\n{}\n{fence}", content.trim_end_matches('\n'))
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

/// A caller's text as part of a line.
fn one_line(text: &str) -> String {
    const SHOWN: usize = 200;
    let cut = if text.chars().nth(SHOWN).is_some() { "…" } else { "" };
    let line: String = text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    line + cut
}
