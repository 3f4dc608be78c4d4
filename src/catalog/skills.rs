//! The skills (SEP-2640): what a model should know before it works in Blender, as files that hosts load when they need them.
//!
//! The files stand in `skills/`, a folder a skill, and are carried in the Worker. Their code is run by
//! `tests/addon/test_skills_bpy.py` on each version of Blender.

use std::sync::OnceLock;

use kernel::arguments::quoted;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

pub const EXTENSION: &str = "io.modelcontextprotocol/skills";
pub const MIME_TYPE: &str = "text/markdown";
/// What the protocol calls the type of a folder.
const FOLDER_TYPE: &str = "inode/directory";
const SCHEME: &str = "skill://";

/// A file of a skill.
#[derive(Debug)]
pub struct File {
    /// Under `skills/`, and behind `skill://`.
    path: &'static str,
    pub text: &'static str,
}

macro_rules! file {
    ($path:literal) => {
        File { path: $path, text: include_str!(concat!("../../skills/", $path)) }
    };
}

/// A skill a line; its first file is its SKILL.md.
const SKILLS: &[&[File]] = &[
    &[
        file!("blender-versions/SKILL.md"),
        file!("blender-versions/references/compositor-and-video.md"),
        file!("blender-versions/references/gone.md"),
    ],
    &[file!("blender-modelling/SKILL.md")],
    &[file!("blender-topology/SKILL.md")],
    &[file!("blender-materials/SKILL.md")],
    &[file!("blender-lighting-camera/SKILL.md")],
    &[file!("blender-animation/SKILL.md")],
    &[file!("blender-geometry-nodes/SKILL.md")],
    &[file!("blender-rendering/SKILL.md")],
];

/// Why a URI names no skill.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SkillError {
    #[error("no skill has the URI {uri}; skills/list names them")]
    NoSkill { uri: String },
    #[error("no folder of a skill has the URI {uri}; folders are named like skill://blender-versions")]
    NoFolder { uri: String },
}

impl File {
    pub fn uri(&self) -> String {
        format!("{SCHEME}{}", self.path)
    }

    fn resource(&self) -> Value {
        let hex: String = Sha256::digest(self.text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        json!({"uri": self.uri(), "digest": format!("sha256:{hex}"), "size": self.text.len()})
    }

    /// The fields between the two lines of `---` at its beginning. They are plain `name: value`; a test sees to it.
    fn frontmatter(&self) -> Map<String, Value> {
        let lines = self.text.lines().skip(1).take_while(|line| *line != "---");
        let fields = lines.filter_map(|line| line.split_once(": "));
        fields.map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
    }
}

/// The value of `skills` in a list result: a JSON array, made once in the life of an isolate.
#[must_use]
pub fn list() -> &'static RawValue {
    static LIST: OnceLock<Box<RawValue>> = OnceLock::new();
    LIST.get_or_init(|| {
        let entries: Vec<Value> = SKILLS.iter().filter_map(|files| entry(files)).collect();
        to_raw_value(&entries).unwrap_or_default()
    })
}

/// The entry of one skill, named by the URI of its SKILL.md.
///
/// # Errors
/// [`SkillError::NoSkill`] for any other URI.
pub fn get(uri: &str) -> Result<Value, SkillError> {
    let files = SKILLS.iter().find(|files| files.first().is_some_and(|file| file.uri() == uri));
    files.and_then(|files| entry(files)).ok_or_else(|| SkillError::NoSkill { uri: quoted(uri) })
}

/// A file of any skill.
#[must_use]
pub fn file(uri: &str) -> Option<&'static File> {
    let path = uri.strip_prefix(SCHEME)?;
    SKILLS.iter().copied().flatten().find(|file| file.path == path)
}

/// Files and folders right in a folder, as resources. A slash at the end of the URI is let pass.
///
/// # Errors
/// [`SkillError::NoFolder`] for a URI that names no folder, such as that of a file.
pub fn folder(uri: &str) -> Result<Vec<Value>, SkillError> {
    let none = || SkillError::NoFolder { uri: quoted(uri) };
    let path = uri.strip_prefix(SCHEME).ok_or_else(none)?;
    let inside = format!("{}/", path.strip_suffix('/').unwrap_or(path));
    let mut children: Vec<Value> = Vec::new();
    for file in SKILLS.iter().copied().flatten() {
        let Some(rest) = file.path.strip_prefix(&inside) else { continue };
        let child = match rest.split_once('/') {
            Some((name, _)) => {
                json!({"uri": format!("{SCHEME}{inside}{name}"), "name": name, "mimeType": FOLDER_TYPE})
            }
            None => json!({"uri": file.uri(), "name": rest, "mimeType": MIME_TYPE, "size": file.text.len()}),
        };
        if !children.contains(&child) {
            children.push(child);
        }
    }
    if children.is_empty() { Err(none()) } else { Ok(children) }
}

/// URI, name and description of each skill, for the list of resources.
pub fn manifests() -> impl Iterator<Item = (String, String, String)> {
    let word = |fields: &Map<String, Value>, name: &str| fields.get(name)?.as_str().map(str::to_owned);
    SKILLS.iter().filter_map(|files| files.first()).filter_map(move |file| {
        let fields = file.frontmatter();
        Some((file.uri(), word(&fields, "name")?, word(&fields, "description")?))
    })
}

fn entry(files: &[File]) -> Option<Value> {
    let first = files.first()?;
    let resources: Vec<Value> = files.iter().map(File::resource).collect();
    Some(json!({"uri": first.uri(), "frontmatter": first.frontmatter(), "resources": resources}))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use serde_json::{Value, json};

    use super::{SKILLS, file, folder, get, list, manifests};

    fn listed() -> Vec<Value> {
        serde_json::from_str(list().get()).expect("a JSON array")
    }

    fn files_in(folder: &Path, found: &mut BTreeSet<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                files_in(&path, found);
            } else {
                found.insert(path);
            }
        }
    }

    #[test]
    fn every_file_in_the_folder_of_skills_is_carried() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("skills");
        let mut found = BTreeSet::new();
        files_in(&root, &mut found);
        let carried: BTreeSet<PathBuf> = SKILLS.iter().copied().flatten().map(|file| root.join(file.path)).collect();
        assert_eq!(found, carried);
    }

    #[test]
    fn the_frontmatter_is_plain_and_names_the_folder() {
        for files in SKILLS {
            let manifest = files.first().expect("a SKILL.md");
            let (head, _) =
                manifest.text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).expect("one");
            for line in head.lines() {
                let (name, value) = line.split_once(": ").expect("name: value");
                let is_plain = name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-')
                    && value.starts_with(|first: char| first.is_ascii_alphabetic())
                    && !value.contains(": ")
                    && !value.contains(" #")
                    && !["true", "false", "null", "yes", "no"].contains(&value);
                assert!(is_plain, "YAML would read it otherwise: {line}");
            }
            let fields = manifest.frontmatter();
            assert_eq!(manifest.path, format!("{}/SKILL.md", fields["name"].as_str().expect("a name")));
            assert!(fields["description"].as_str().expect("a description").len() < 250, "a client pays for each");
        }
    }

    #[test]
    fn an_entry_tells_digest_and_size_of_each_file() {
        let entry = get("skill://blender-versions/SKILL.md").expect("known");
        assert_eq!(entry, listed()[0]);
        assert_eq!(entry["resources"].as_array().expect("files").len(), 3);
        let digest = entry["resources"][0]["digest"].as_str().expect("a digest");
        assert!(digest.len() == 71 && digest.starts_with("sha256:"), "{digest}");
        let text = file("skill://blender-versions/SKILL.md").expect("a file").text;
        assert_eq!(entry["resources"][0]["size"], json!(text.len()));
    }

    #[test]
    fn only_the_manifest_names_a_skill() {
        for uri in ["", "skill://", "skill://blender-versions", "skill://blender-versions/references/gone.md", "x"] {
            assert!(get(uri).expect_err("refused").to_string().starts_with("no skill has the URI \""), "{uri}");
        }
        assert!(file("skill://blender-versions/references/gone.md").is_some());
        assert!(file("blender-versions/SKILL.md").is_none() && file("skill://../Cargo.toml").is_none());
    }

    #[test]
    fn a_folder_lists_what_stands_right_in_it() {
        let children = folder("skill://blender-versions").expect("a folder");
        let names: Vec<&str> = children.iter().filter_map(|child| child["name"].as_str()).collect();
        assert_eq!(names, ["SKILL.md", "references"]);
        assert_eq!(children[1]["mimeType"], "inode/directory");
        let inner = folder(children[1]["uri"].as_str().expect("a uri")).expect("a folder");
        assert_eq!(inner.len(), 2);
        assert_eq!(folder("skill://blender-versions/"), Ok(children));
        for uri in ["skill://", "skill://blender", "skill://blender-versions/SKILL.md", "blender://bus", "skill:///"] {
            assert!(folder(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn the_list_of_resources_can_name_every_skill() {
        let uris: Vec<String> = manifests().map(|(uri, ..)| uri).collect();
        let listed: Vec<Value> = listed().iter().map(|entry| entry["uri"].clone()).collect();
        assert_eq!(uris, listed);
    }
}
