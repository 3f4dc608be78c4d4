//! Completion of prompt arguments and of the parts of a resource template.

use super::tools::{CONSOLE_LEVELS, dispatch_tools};
use super::{prompts, resources};

/// What is being completed, as `ref` in the request says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference<'a> {
    /// The prompt of this name.
    Prompt(&'a str),
    /// The resource template with this text.
    Template(&'a str),
}

/// What an argument can be completed to. Both parts are empty for what is unknown or free text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completion {
    /// Known without asking the bus; those that begin with what was typed, whatever the case.
    pub values: Vec<&'static str>,
    /// What the caller adds from the bus, filtered by the same prefix.
    pub dynamic: Option<Dynamic>,
}

/// Values that only the bus knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dynamic {
    /// Uuids of connected clients.
    ClientUuids,
    /// The same, each as `uuid:` and the uuid; and each group as `group:` and its name.
    Targets,
    JobIds,
}

/// Completes one argument. `prefix` is what the user has typed of it so far.
#[must_use]
pub fn complete(reference: Reference<'_>, argument: &str, prefix: &str) -> Completion {
    let (values, dynamic) = match reference {
        Reference::Template(template) if resources::is_template(template) => match argument {
            "level" => (CONSOLE_LEVELS.to_vec(), None),
            "job_id" => (vec![], Some(Dynamic::JobIds)),
            "client_uuid" => (vec![], Some(Dynamic::ClientUuids)),
            _ => return Completion::default(),
        },
        Reference::Prompt(name) => match prompts::argument(name, argument) {
            Some(argument) => match argument.completion {
                prompts::Values::Free => return Completion::default(),
                prompts::Values::Known(values) => (values.to_vec(), None),
                prompts::Values::Commands => (dispatch_tools().map(|tool| tool.command()).collect(), None),
                prompts::Values::Targets => (prompts::TARGET_FORMS.to_vec(), Some(Dynamic::Targets)),
            },
            None => return Completion::default(),
        },
        Reference::Template(_) => return Completion::default(),
    };
    let typed = prefix.to_lowercase();
    Completion { values: values.into_iter().filter(|value| value.starts_with(&typed)).collect(), dynamic }
}

#[cfg(test)]
mod tests {
    use super::{Completion, Dynamic, Reference, complete};

    fn prompt(name: &str, argument: &str, prefix: &str) -> Vec<&'static str> {
        complete(Reference::Prompt(name), argument, prefix).values
    }

    #[test]
    fn the_levels_of_the_console_are_completed() {
        let level = |prefix| complete(Reference::Template("blender://console/{level}"), "level", prefix).values;
        assert_eq!(level(""), ["all", "info", "warning", "error", "output", "input"]);
        assert_eq!(level("in"), ["info", "input"]);
        assert_eq!(level("W"), ["warning"]);
        assert!(level("x").is_empty());
    }

    #[test]
    fn ids_are_left_to_the_bus() {
        let dynamic = |template, argument| complete(Reference::Template(template), argument, "").dynamic;
        assert_eq!(dynamic("blender://jobs/{job_id}", "job_id"), Some(Dynamic::JobIds));
        assert_eq!(dynamic("blender://inbox/{client_uuid}", "client_uuid"), Some(Dynamic::ClientUuids));
        let target = complete(Reference::Prompt("blender_dispatch_script"), "target", "");
        assert_eq!(target.dynamic, Some(Dynamic::Targets));
        assert_eq!(target.values, ["uuid:", "group:", "type:", "type:blender", "broadcast"]);
    }

    #[test]
    fn the_arguments_of_prompts_are_completed() {
        assert_eq!(prompt("blender_dispatch_script", "priority", "e"), ["emergency", "error"]);
        assert_eq!(prompt("blender_dispatch_recipe", "command", "get_scene_i"), ["get_scene_info"]);
        let commands = crate::catalog::tools::dispatch_tools().count();
        assert_eq!(prompt("blender_dispatch_recipe", "command", "").len(), commands);
        assert_eq!(prompt("blender_rendering_setup", "engine", ""), ["cycles", "eevee", "workbench"]);
        assert!(!prompt("blender_material_creation", "material_kind", "").is_empty());
        assert!(!prompt("blender_animation_basics", "animation_type", "").is_empty());
    }

    #[test]
    fn free_text_and_the_unknown_complete_to_nothing() {
        for reference in [
            Reference::Prompt("test_prompt_with_arguments"),
            Reference::Prompt("blender_script_writing_assistant"),
            Reference::Template("blender://console/all"),
            Reference::Template("test://{id}"),
        ] {
            for argument in ["goal", "level", "job_id", "nothing", ""] {
                assert_eq!(complete(reference, argument, ""), Completion::default());
            }
        }
    }
}
