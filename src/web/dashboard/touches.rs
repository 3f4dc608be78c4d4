//! What a job that asks may touch, in words: by its command, and by what its code names.
//!
//! A look at the text is never all of it: code can reach what it does not name. So pages say that code *mentions* these.

use serde_json::Value;

use crate::catalog::tools::DispatchTool;
use crate::web::dashboard::code::{Kind, parts};
use crate::web::dashboard::words::cut;
use crate::web::pages::dashboard::{Mention, Touches};

/// What is found in code, and what it is about. A name with a dot at its end also begins longer ones.
const NAMES: [(&str, &[&str]); 6] = [
    (
        "files of that computer",
        &[
            "open",
            "os.",
            "shutil.",
            "pathlib.",
            "Path",
            "tempfile.",
            "glob.",
            "bpy.ops.wm.save",
            "bpy.ops.export",
            "bpy.ops.image.save",
            "bpy.path.",
            "save_render",
            "write_still",
            "bpy.data.libraries.",
        ],
    ),
    (
        "the network",
        &[
            "urllib.",
            "requests.",
            "http.",
            "socket.",
            "ftplib.",
            "smtplib.",
            "httpx.",
            "aiohttp.",
            "websockets.",
            "ssl.",
        ],
    ),
    (
        "other programs",
        &["subprocess.", "os.system", "os.popen", "os.exec", "os.spawn", "pty.", "multiprocessing.", "ctypes."],
    ),
    (
        "the open file as a whole",
        &["bpy.ops.wm.open", "bpy.ops.wm.read", "bpy.ops.wm.quit", "bpy.ops.wm.revert", "bpy.ops.wm.recover"],
    ),
    (
        "what stays after the job",
        &[
            "bpy.app.timers.",
            "bpy.app.handlers.",
            "bpy.utils.register",
            "bpy.ops.preferences.",
            "bpy.ops.extensions.",
            "threading.",
            "addon_utils.",
            "bpy.context.preferences.",
        ],
    ),
    (
        "code that it makes itself",
        &["exec", "eval", "compile", "__import__", "importlib.", "getattr", "marshal.", "pickle.", "base64."],
    ),
];

/// The most names that are told of each.
const MAX_NAMES: usize = 5;

/// What a job with this payload may touch.
pub fn touches(command: &str, payload: &Value) -> Touches {
    let params = payload.get("params").unwrap_or(&Value::Null);
    let field = |name: &str| params.get(name).and_then(Value::as_str);
    let code = field("code").or_else(|| payload.get("script").and_then(Value::as_str));
    let code = match (code, command) {
        (None, "console_operations") => Some(typed(params)),
        (code, _) => code.map(str::to_owned),
    };
    let does = match command {
        "execute_code" | "job_dispatch" => {
            "Runs this code with all that Blender and its user may do on that computer.".to_owned()
        }
        "console_operations" => {
            "Types or runs code in Blender's Python console, with all that its user may do on that computer.".to_owned()
        }
        "get_viewport_screenshot" => match field("filepath") {
            Some(path) => format!("Writes a picture to the file {} on that computer.", cut(path, 200)),
            None => "Takes a picture of the viewport.".to_owned(),
        },
        "restore_checkpoint" => {
            "Opens another file in the place of the one that is open. Blender keeps a checkpoint of that one first."
                .to_owned()
        }
        other => by_catalog(other),
    };
    Touches { does, is_code: code.is_some(), mentions: code.as_deref().map(mentions).unwrap_or_default() }
}

/// All text in the parameters of an operation, a line each.
fn typed(params: &Value) -> String {
    match params {
        Value::String(text) => format!("{text}\n"),
        Value::Array(items) => items.iter().map(typed).collect(),
        Value::Object(fields) => fields.values().map(typed).collect(),
        _ => String::new(),
    }
}

/// By what the catalog says of the command's tool.
fn by_catalog(command: &str) -> String {
    let annotations = DispatchTool::of_command(command).map(|tool| tool.annotations);
    let said = match annotations {
        Some(told) if told.read_only => "Reads what is in Blender, and may write files",
        Some(told) if told.open_world => "Changes the scene, and reaches the network",
        Some(told) if told.destructive => "Changes the scene or the open file, and may take away what is there",
        Some(_) => "Changes the scene, or writes files",
        None => "Not a command that this server knows: it may do anything that Blender and its user may",
    };
    format!("{said}.")
}

/// What code names outside its comments, in the order of `NAMES`.
fn mentions(code: &str) -> Vec<Mention> {
    let named = names(code);
    let about = |(about, known): &(&'static str, &[&'static str])| {
        let mut names: Vec<String> = Vec::new();
        for name in &named {
            if known.iter().any(|one| is_like(name, one)) && !names.contains(name) {
                names.push(name.clone());
            }
        }
        let more = names.len().saturating_sub(MAX_NAMES);
        names.truncate(MAX_NAMES);
        (!names.is_empty()).then(|| Mention { about, names: names.iter().map(|name| cut(name, 60)).collect(), more })
    };
    NAMES.iter().filter_map(about).collect()
}

/// `os.` is like `os` and `os.remove`; `open` like `open` and `io.open`; `bpy.ops.wm.save` like `bpy.ops.wm.save_mainfile`.
fn is_like(name: &str, known: &str) -> bool {
    match known.strip_suffix('.') {
        Some(module) => name == module || name.starts_with(known),
        None if known.contains('.') => name.starts_with(known),
        None => name == known || name.strip_suffix(known).is_some_and(|before| before.ends_with('.')),
    }
}

/// The dotted names in code, those in its strings included.
fn names(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = String::new();
    for (kind, part) in parts(code) {
        match (kind, part) {
            (Kind::Name, part) => name.push_str(part),
            (Kind::Plain, ".") if !name.is_empty() => name.push('.'),
            (Kind::Text, text) => {
                let is_of_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.');
                names.extend(
                    text.split(|letter| !is_of_name(letter)).filter(|part| !part.is_empty()).map(str::to_owned),
                );
            }
            _ => names.extend(finished(&mut name)),
        }
    }
    names.extend(finished(&mut name));
    names
}

fn finished(name: &mut String) -> Option<String> {
    let name = std::mem::take(name);
    Some(name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{mentions, touches};

    fn told(code: &str) -> Vec<String> {
        mentions(code).into_iter().map(|one| format!("{}: {}", one.about, one.names.join(" "))).collect()
    }

    #[test]
    fn code_is_told_by_what_it_names() {
        assert_eq!(
            told("import os, urllib.request\n# subprocess.run\nos.remove('x')\nwith open('y') as f: pass"),
            ["files of that computer: os os.remove open", "the network: urllib.request"]
        );
        assert_eq!(told("bpy.ops.wm.save_as_mainfile()"), ["files of that computer: bpy.ops.wm.save_as_mainfile"]);
        assert_eq!(
            told("__import__('subprocess').run(1)"),
            ["other programs: subprocess", "code that it makes itself: __import__"]
        );
        assert_eq!(told("bpy.ops.mesh.primitive_cube_add()\nreopen = cost = 1\nfor opened in x: x.opened"), [""; 0]);
        assert_eq!(mentions(&(0..9).map(|at| format!("os.f{at}()\n")).collect::<String>())[0].more, 4);
    }

    #[test]
    fn a_command_says_what_it_does() {
        let does = |command: &str, params| touches(command, &json!({"params": params})).does;
        assert!(
            does("get_viewport_screenshot", json!({"filepath": "/home/x.png"})).contains("to the file /home/x.png")
        );
        assert!(does("restore_checkpoint", json!({})).starts_with("Opens another file"));
        assert!(does("execute_code", json!({"code": "1"})).contains("all that Blender and its user may do"));
        assert!(does("download_polyhaven_asset", json!({})).contains("reaches the network"));
        assert!(does("of a newer add-on", json!({})).contains("may do anything"));
        assert!(touches("job_dispatch", &json!({"script": "open(1)"})).is_code);
        let console = json!({"params": {"operation": "execute", "params": {"command": "import os"}}});
        assert_eq!(touches("console_operations", &console).mentions.len(), 1);
        assert!(!touches("restore_checkpoint", &json!({"params": {"name": "open"}})).is_code);
    }
}
