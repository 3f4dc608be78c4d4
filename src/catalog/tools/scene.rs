//! Tools that look at the scene: objects, data, the viewport.

use kernel::arguments::{DefaultValue, Kind, Param};

use super::kinds::{NAME, PAGE};
use super::{Annotations, Changes, DispatchTool};

pub const PATH: Kind = Kind::Text { min: 1, max: 4096 };
pub const TOOLS: &[DispatchTool] = &[
    DispatchTool {
        name: "blender_get_scene_info",
        title: "Get scene info",
        description: "Overview of the open scene: its name, how many objects and materials it has, and the first ten \
                      objects with type and location. Start here. For all objects use blender_browse_data, for one \
                      in detail blender_get_object_info.",
        annotations: Annotations::READ,
        timeout_seconds: 30.0,
        parameters: &[],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_get_object_info",
        title: "Get object info",
        description: "One object in detail: type, location, rotation in radians, scale, visibility, materials, \
                      bounding box in world space, and for a mesh its vertex, edge and polygon counts. Needs the \
                      exact name; blender_get_scene_info and blender_browse_data give names.",
        annotations: Annotations::READ,
        timeout_seconds: 30.0,
        parameters: &[Param::required("name", NAME, "Exact name of the object, for example \"Cube.001\".")],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_browse_data",
        title: "Browse Blender data",
        description: "Browses the data of the open file, page by page. Without arguments: the collections of \
                      bpy.data with their counts. With a collection: its items. With a collection and an item's \
                      name: that item. Use it to find names of objects, materials, images or actions without writing \
                      code.",
        annotations: Annotations::READ,
        timeout_seconds: 30.0,
        parameters: &[
            Param::nullable("collection", &NAME, "Collection of bpy.data, such as \"objects\" or \"materials\"."),
            Param::nullable("item_name", &NAME, "Exact name of one item in the collection."),
            PAGE,
            Param::optional(
                "page_size",
                Kind::Integer { min: 1, max: 500 },
                DefaultValue::Integer(50),
                "Items on a page.",
            ),
            Param::optional(
                "detail_level",
                Kind::OneOf(&["summary", "full"]),
                DefaultValue::Text("summary"),
                "\"summary\" for names and types, \"full\" for all simple properties.",
            ),
        ],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_get_viewport_screenshot",
        title: "Get viewport screenshot",
        description: "A picture of the 3D viewport, returned as an image. Use it to check what a change looks like. \
                      A Blender without a window renders the same view instead and says so. For a final picture \
                      render with blender_execute_code.",
        annotations: Annotations::READ,
        timeout_seconds: 30.0,
        parameters: &[
            Param::nullable(
                "filepath",
                &PATH,
                "File to keep the picture in, on the machine that runs Blender. Leave it out to only see it.",
            ),
            Param::optional(
                "max_size",
                Kind::Integer { min: 0, max: 65_536 },
                DefaultValue::Integer(800),
                "Longest side in pixels; 0 keeps the viewport's own size.",
            ),
            Param::optional(
                "format",
                Kind::OneOf(&["png", "jpg"]),
                DefaultValue::Text("png"),
                "\"jpg\" is smaller for textured or rendered views.",
            ),
        ],
        changes: Changes::With("filepath"),
    },
];
