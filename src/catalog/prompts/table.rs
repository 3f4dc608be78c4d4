//! The nine prompts with their arguments.

use kernel::arguments::{DefaultValue, Kind, Param};

use super::filled::Filled;
use super::{advice, render};

/// A prompt on offer.
pub struct Prompt {
    pub name: &'static str,
    pub title: &'static str,
    pub description: &'static str,
    pub arguments: &'static [Argument],
    pub(super) text: fn(&Filled) -> String,
}

/// One argument of a prompt; its value is always a string.
pub struct Argument {
    pub param: Param,
    pub title: &'static str,
    pub completion: Values,
}

/// What an argument's value may be completed to.
pub enum Values {
    /// Nothing: it is free text.
    Free,
    /// One of these, where others are allowed too unless the parameter says otherwise.
    Known(&'static [&'static str]),
    /// The commands of the dispatch tools.
    Commands,
    Targets,
}

/// As long as a whole request may be.
const SCRIPT: Kind = Kind::Text { min: 1, max: 1_048_576 };
const LONG_TEXT: Kind = Kind::Text { min: 1, max: 65_536 };
const SHORT_TEXT: Kind = Kind::Text { min: 1, max: 1024 };
/// Priorities by name, or by number written as text.
const PRIORITIES: &[&str] = &[
    "emergency",
    "alert",
    "critical",
    "error",
    "warning",
    "notice",
    "info",
    "debug",
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
];
const PRIORITY_NAMES: &[&str] = &bus::wire::priority::Priority::LEVELS;

pub const PROMPTS: &[Prompt] = &[
    Prompt {
        name: "blender_dispatch_script",
        title: "Dispatch a script",
        description: "A Python script, ready to be sent over the bus to one Blender, a group, a type or everyone.",
        arguments: &[
            Argument {
                param: Param::required(
                    "target",
                    SHORT_TEXT,
                    "uuid:<client>, group:<name>, type:<client type> or broadcast.",
                ),
                title: "Target",
                completion: Values::Targets,
            },
            Argument {
                param: Param::required("script", SCRIPT, "The Python source."),
                title: "Script",
                completion: Values::Free,
            },
            Argument {
                param: Param::optional(
                    "priority",
                    Kind::OneOf(PRIORITIES),
                    DefaultValue::Text("info"),
                    "emergency (first) to debug (last), or 0 to 7. Usually info.",
                ),
                title: "Priority",
                completion: Values::Known(PRIORITY_NAMES),
            },
            Argument {
                param: Param::nullable("description", &LONG_TEXT, "What the script is for."),
                title: "Description",
                completion: Values::Free,
            },
        ],
        text: render::dispatch_script,
    },
    Prompt {
        name: "blender_dispatch_recipe",
        title: "Dispatch a command",
        description: "How to run one Blender command: its arguments, as a tool call and as a message, and its \
                      answers.",
        arguments: &[Argument {
            param: Param::required("command", SHORT_TEXT, "The command, such as get_scene_info."),
            title: "Command",
            completion: Values::Commands,
        }],
        text: render::dispatch_recipe,
    },
    Prompt {
        name: "blender_script_writing_assistant",
        title: "Write a Blender script",
        description: "Guidance for writing and running a Python script that reaches a goal in Blender 4.2 to 5.x.",
        arguments: &[Argument {
            param: Param::required("goal", LONG_TEXT, "What the script shall do."),
            title: "Goal",
            completion: Values::Free,
        }],
        text: render::script_writing_assistant,
    },
    Prompt {
        name: "blender_modeling_workflow",
        title: "Model an object",
        description: "A workflow for modelling something: plan, block out, refine, finish, check.",
        arguments: &[Argument {
            param: Param::required(
                "object_type",
                SHORT_TEXT,
                "What to model, such as a chair or a hard-surface robot.",
            ),
            title: "Object",
            completion: Values::Known(advice::OBJECT_TYPES),
        }],
        text: render::modeling_workflow,
    },
    Prompt {
        name: "blender_rendering_setup",
        title: "Set up rendering",
        description: "Camera, light and settings for a render with Cycles, EEVEE or Workbench.",
        arguments: &[Argument {
            param: Param::optional(
                "engine",
                SHORT_TEXT,
                DefaultValue::Text("cycles"),
                "cycles (default), eevee or workbench.",
            ),
            title: "Engine",
            completion: Values::Known(advice::ENGINES),
        }],
        text: render::rendering_setup,
    },
    Prompt {
        name: "blender_material_creation",
        title: "Create a material",
        description: "A material on the Principled BSDF, with values to start from and how to judge it.",
        arguments: &[Argument {
            param: Param::required(
                "material_kind",
                SHORT_TEXT,
                "What it is like, such as brushed metal or frosted glass.",
            ),
            title: "Material",
            completion: Values::Known(advice::MATERIAL_KINDS),
        }],
        text: render::material_creation,
    },
    Prompt {
        name: "blender_animation_basics",
        title: "Animate",
        description: "Keyframes, turntables, cameras, bones, shape keys or rigid bodies, with F-curves in every \
                      version.",
        arguments: &[Argument {
            param: Param::required(
                "animation_type",
                SHORT_TEXT,
                "What kind of motion, such as turntable or keyframes.",
            ),
            title: "Animation",
            completion: Values::Known(advice::ANIMATION_TYPES),
        }],
        text: render::animation_basics,
    },
    Prompt {
        name: "blender_debug_assistant",
        title: "Debug an error",
        description: "How to get from an error message of Blender to its cause and a fix.",
        arguments: &[Argument {
            param: Param::required("error_text", LONG_TEXT, "The error message, best with its traceback."),
            title: "Error",
            completion: Values::Free,
        }],
        text: render::debug_assistant,
    },
    Prompt {
        name: "blender_asset_creation_strategy",
        title: "Choose how to get an asset",
        description: "Whether to reuse, download, generate or model something, and what to check once it is in.",
        arguments: &[Argument {
            param: Param::required("asset_kind", SHORT_TEXT, "What is needed, such as a tree, a sky or a sports car."),
            title: "Asset",
            completion: Values::Known(advice::ASSET_KINDS),
        }],
        text: render::asset_creation_strategy,
    },
];
