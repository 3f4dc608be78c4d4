//! Tools for Python: running code, reading and handling the console.

use kernel::arguments::{Bound, DefaultValue, Kind, Param};

use super::kinds::PAGE;
use super::{Annotations, Changes, DispatchTool};

/// As long as a whole request may be.
const MAX_CODE: usize = 1_048_576;

/// What console lines can be filtered by.
pub const CONSOLE_LEVELS: &[&str] = &["all", "info", "warning", "error", "output", "input"];

pub const TOOLS: &[DispatchTool] = &[
    DispatchTool {
        name: "blender_execute_code",
        title: "Execute Python code",
        description: "Runs Python in Blender, on its main thread, with bpy, bmesh and mathutils at hand, and returns \
                      what the code printed: print() whatever you want to see. It can do all that Blender can, \
                      deleting included. Use it to make, change, render, import or export; to look, prefer the \
                      read-only tools. Work in small steps and check each. An exception comes back as status \
                      \"failed\" with its traceback. Set timeout_seconds for renders and simulations, and call \
                      progress(percent, message) in their loops, so that they can be followed and cancelled.",
        annotations: Annotations { open_world: true, ..Annotations::DESTRUCTIVE },
        timeout_seconds: 60.0,
        parameters: &[
            Param::required(
                "code",
                Kind::Text { min: 0, max: MAX_CODE },
                "Python source. Prefer bpy.data and bmesh to operators, which depend on mode and context.",
            ),
            // What is not given is not sent: a peer of another make may take only the code.
            Param::nullable("keep_names", &Kind::Boolean, "true: names live on until your next call with it."),
            Param::nullable(
                "deadline",
                &Kind::Number { min: Bound::Included(0.1), max: Bound::Included(86_400.0) },
                "Seconds after which the code itself is ended.",
            ),
            Param::nullable("changes", &Kind::Boolean, "false: do not tell what changed."),
        ],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_get_console_output",
        title: "Get console output",
        description: "Lines from Blender's Python console and what earlier code printed, page by page. Use it to \
                      find out what happened in Blender outside your own calls; the output of your own code is \
                      already in the result of blender_execute_code.",
        annotations: Annotations::READ,
        timeout_seconds: 30.0,
        parameters: &[
            Param::optional(
                "level",
                Kind::OneOf(CONSOLE_LEVELS),
                DefaultValue::Text("all"),
                "Only lines of this kind.",
            ),
            PAGE,
            Param::optional(
                "page_size",
                Kind::Integer { min: 1, max: 500 },
                DefaultValue::Integer(50),
                "Lines on a page.",
            ),
        ],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_console_operations",
        title: "Console operations",
        description: "Handles Blender's Python console itself: whether there is one and of what kind, or emptying \
                      it. To run code use blender_execute_code, to read lines blender_get_console_output.",
        annotations: Annotations::DESTRUCTIVE,
        timeout_seconds: 30.0,
        parameters: &[
            Param::optional(
                "operation",
                Kind::Text { min: 1, max: 64 },
                DefaultValue::Text("get_info"),
                "\"get_info\" tells about the console, \"clear\" empties it.",
            ),
            Param::nullable("params", &Kind::Object, "Arguments of the operation, if it takes any."),
        ],
        changes: Changes::Never,
    },
];
