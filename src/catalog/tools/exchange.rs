//! Tools that take files out of Blender and bring them in: models, scenes and media, by way of the bus.

use kernel::arguments::{DefaultValue, Kind, Param};

use super::kinds::NAME;
use super::{Annotations, Changes, DispatchTool};

const EXPORTED: Kind =
    Kind::OneOf(&["glb", "gltf", "obj", "fbx", "stl", "ply", "usd", "usda", "usdc", "usdz", "abc", "svg", "blend"]);
const MAX_NAMES: usize = 10_000;
const OPTIONS: Param = Param::nullable(
    "options",
    &Kind::Object,
    "Parameters of Blender's own exporter or importer, such as {\"export_apply\": true}.",
);

pub const TOOLS: &[DispatchTool] = &[
    DispatchTool {
        name: "blender_export_file",
        title: "Export a file",
        description: "Exports the scene, named objects or the selection, and answers with a link to download the file. The \
                      scene, its mode and selection stay as they are. Several files, as of gltf or obj with textures, \
                      come as a zip.",
        annotations: Annotations::CHANGE,
        timeout_seconds: 180.0,
        parameters: &[
            Param::required("format", EXPORTED, "Of the file; glb unless something else is needed."),
            Param::nullable("names", &Kind::List { items: &NAME, max: MAX_NAMES }, "Objects; left out: all."),
            Param::optional("selected_only", Kind::Boolean, DefaultValue::Boolean(false), "The selected objects."),
            OPTIONS,
        ],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_import_file",
        title: "Import a file",
        description: "Brings a file of the bus into the open scene: models, .blend, images, HDRIs, fonts, sounds, movies, or \
                      a zip of a model with its textures. Upload it with blender_create_upload first.",
        annotations: Annotations::CHANGE,
        timeout_seconds: 180.0,
        parameters: &[
            Param::required("file_id", Kind::Label { max: 64 }, "As blender_list_files gives it."),
            Param::nullable(
                "format",
                &Kind::Text { min: 1, max: 20 },
                "Left out: told by its name and content. \"hdri\" lights the scene with an image.",
            ),
            OPTIONS,
        ],
        changes: Changes::Never,
    },
];
