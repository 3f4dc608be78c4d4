//! Tools to see and know: the whole scene, the file, this Blender's API, measures, and pictures from any side.

use kernel::arguments::{Bound, DefaultValue, Kind, Param};

use super::kinds::{NAME, PAGE};
use super::{Annotations, Changes, DispatchTool};

const ANGLE: Kind = Kind::OneOf(&["persp", "front", "back", "left", "right", "top", "bottom", "camera"]);
const SHADING: Kind = Kind::OneOf(&["solid", "material", "rendered", "wireframe"]);
const TARGET: Param =
    Param::optional("target", NAME, DefaultValue::Text("all"), "\"all\", \"selected\" or an object's name.");
/// Of a picture, in pixels.
const SHARE: Kind = Kind::Number { min: Bound::Included(0.0), max: Bound::Included(1.0) };
const REGION: Kind = Kind::List { items: &SHARE, max: 4 };
const SIDE: Kind = Kind::Integer { min: 4, max: 16_384 };
/// Blender's own limits.
const FRAME: Kind = Kind::Integer { min: -1_048_574, max: 1_048_574 };

pub const TOOLS: &[DispatchTool] = &[
    DispatchTool {
        name: "blender_get_scene_tree",
        title: "Get the scene's tree",
        description: "All collections and objects as a tree, page by page: type, visibility, parent, modifiers, \
                      materials, constraints, instances, libraries, selection. Look here before you change a scene \
                      that you do not know.",
        annotations: Annotations::READ,
        timeout_seconds: 30.0,
        parameters: &[
            Param::nullable("collection", &NAME, "Only what is below this one."),
            Param::optional(
                "depth",
                Kind::Integer { min: 1, max: 16 },
                DefaultValue::Integer(8),
                "Levels of collections.",
            ),
            Param::optional(
                "detail",
                Kind::OneOf(&["names", "summary", "full"]),
                DefaultValue::Text("summary"),
                "\"full\" adds transforms, sizes and counts.",
            ),
            PAGE,
            Param::optional(
                "page_size",
                Kind::Integer { min: 1, max: 1000 },
                DefaultValue::Integer(200),
                "Rows on a page.",
            ),
        ],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_get_file_info",
        title: "Get file info",
        description: "The open file: path, unsaved changes, the version that wrote it, missing files, linked libraries, \
                      packed data, orphans, render settings, units.",
        annotations: Annotations::READ,
        timeout_seconds: 30.0,
        parameters: &[],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_search_api",
        title: "Search Blender's API",
        description: "What the Python API of this very Blender has: types, properties with ranges and choices, \
                      operators with parameters, functions, nodes with sockets. Ask before you write code with names \
                      you are not sure of.",
        annotations: Annotations::READ,
        timeout_seconds: 30.0,
        parameters: &[
            Param::required(
                "query",
                Kind::Text { min: 1, max: 200 },
                "Words (\"bevel width\"), a path (\"bpy.types.BevelModifier.width\") or a pattern with *.",
            ),
            Param::optional(
                "kind",
                Kind::OneOf(&["any", "type", "operator", "property", "function", "node"]),
                DefaultValue::Text("any"),
                "Only these.",
            ),
            Param::optional("limit", Kind::Integer { min: 1, max: 50 }, DefaultValue::Integer(10), "Answers at most."),
        ],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_measure",
        title: "Measure",
        description: "Facts to check your work with, lengths in metres: sizes, distances, overlaps, what an object stands \
                      on, what the camera sees and how much of the picture it fills, faults of meshes.",
        annotations: Annotations::READ,
        timeout_seconds: 30.0,
        parameters: &[
            Param::optional(
                "names",
                Kind::List { items: &NAME, max: 200 },
                DefaultValue::EmptyList,
                "Objects; none for all that are visible.",
            ),
            Param::optional(
                "checks",
                Kind::List {
                    items: &Kind::OneOf(&["size", "distance", "overlap", "support", "camera", "mesh"]),
                    max: 6,
                },
                DefaultValue::EmptyList,
                "None for all.",
            ),
        ],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_set_view",
        title: "Set the view",
        description: "Turns the user's 3D viewport to an object, the selection or all, from a named side. To look \
                      yourself, blender_render_views leaves it alone.",
        annotations: Annotations::SET,
        timeout_seconds: 30.0,
        parameters: &[
            TARGET,
            Param::nullable("angle", &ANGLE, "Left out: as it is."),
            Param::nullable("shading", &SHADING, "Left out: as it is."),
        ],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_render_views",
        title: "Render views",
        description: "One picture with several views of an object, the selection or all, each with its name, axes and a \
                      scale bar. Use it to check form, place and size after each change.",
        annotations: Annotations::READ,
        timeout_seconds: 60.0,
        parameters: &[
            Param::optional(
                "views",
                Kind::List { items: &ANGLE, max: 8 },
                DefaultValue::EmptyList,
                "None for persp, front, right and top.",
            ),
            TARGET,
            Param::optional(
                "max_size",
                Kind::Integer { min: 128, max: 4096 },
                DefaultValue::Integer(1024),
                "Longest side in pixels.",
            ),
            Param::optional("shading", SHADING, DefaultValue::Text("solid"), "How it is drawn."),
        ],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_render",
        title: "Render",
        description: "Renders a still, or with frame_end a range, in a process beside Blender: the scene stays as it is and \
                      others can work. Returns a picture to look at and the files at full size, to download.",
        annotations: Annotations::CHANGE,
        timeout_seconds: 600.0,
        parameters: &[
            Param::nullable("camera", &NAME, "Left out: the scene's."),
            Param::nullable(
                "engine",
                &Kind::Text { min: 1, max: 64 },
                "\"cycles\", \"eevee\", \"workbench\" or an add-on's.",
            ),
            Param::nullable("width", &SIDE, "Pixels; left out: the scene's."),
            Param::nullable("height", &SIDE, "Pixels."),
            Param::nullable("samples", &Kind::Integer { min: 1, max: 65_536 }, "Few are enough to judge by."),
            Param::nullable("frame", &FRAME, "Left out: the current one."),
            Param::nullable("frame_end", &FRAME, "The last of a range."),
            Param::optional("transparent", Kind::Boolean, DefaultValue::Boolean(false), "No sky."),
            Param::nullable("region", &REGION, "A part: left, top, right, bottom, from 0 to 1."),
            Param::optional("format", Kind::OneOf(&["png", "jpg", "exr"]), DefaultValue::Text("png"), "Of the files."),
        ],
        changes: Changes::Never,
    },
];
