//! Tools for asset libraries: Poly Haven and Sketchfab.

use kernel::arguments::{DefaultValue, Kind, Param};

use super::kinds::{ASSET_ID, NAME, TARGET_SIZE};
use super::{Annotations, Changes, DispatchTool};

const WORD: Kind = Kind::Text { min: 1, max: 64 };
const QUERY: Kind = Kind::Text { min: 1, max: 512 };

/// What Poly Haven's assets can be, and `all` of them.
pub const ASSET_TYPES: &[&str] = &["hdris", "textures", "models", "all"];

pub const TOOLS: &[DispatchTool] = &[
    DispatchTool {
        name: "blender_get_polyhaven_status",
        title: "Get Poly Haven status",
        description: "Whether Poly Haven (free HDRIs, textures and models) is switched on in this Blender's add-on. \
                      Ask before using the other Poly Haven tools.",
        annotations: Annotations::READ,
        timeout_seconds: 15.0,
        parameters: &[],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_get_polyhaven_categories",
        title: "Get Poly Haven categories",
        description: "The categories of Poly Haven with the number of assets in each, to filter \
                      blender_search_polyhaven_assets by.",
        annotations: Annotations::SEARCH,
        timeout_seconds: 30.0,
        parameters: &[Param::required("asset_type", Kind::OneOf(ASSET_TYPES), "Kind of asset.")],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_search_polyhaven_assets",
        title: "Search Poly Haven assets",
        description: "Lists assets of Poly Haven by words, type and category, at most 20 of them, with the total. \
                      The ids go into blender_download_polyhaven_asset. For generic materials, ground, skies and props; for \
                      particular things such as a car of a certain make try blender_search_sketchfab_models.",
        annotations: Annotations::SEARCH,
        timeout_seconds: 30.0,
        parameters: &[
            Param::nullable("asset_type", &WORD, "\"hdris\", \"textures\" or \"models\"; without it all."),
            Param::nullable("categories", &QUERY, "Categories that must all apply, separated by commas."),
            Param::nullable("query", &QUERY, "English words that name or tags must all have."),
        ],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_download_polyhaven_asset",
        title: "Download a Poly Haven asset",
        description: "Downloads an asset of Poly Haven into the open file: an HDRI becomes the world's lighting, a \
                      texture becomes a material, a model is imported. Put a texture on an object afterwards with \
                      blender_set_texture.",
        annotations: Annotations::DOWNLOAD,
        timeout_seconds: 180.0,
        parameters: &[
            Param::required("asset_id", ASSET_ID, "Id from blender_search_polyhaven_assets."),
            Param::required("asset_type", WORD, "\"hdris\", \"textures\" or \"models\", as the search said."),
            Param::optional(
                "resolution",
                WORD,
                DefaultValue::Text("1k"),
                "\"1k\", \"2k\", \"4k\" and so on. More is slower and takes more memory.",
            ),
            Param::nullable(
                "file_format",
                &WORD,
                "\"hdr\" or \"exr\" for HDRIs, \"jpg\", \"png\" or \"exr\" for textures, \"gltf\", \"fbx\" or \
                 \"blend\" for models. Leave it out for the usual one.",
            ),
            TARGET_SIZE,
        ],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_set_texture",
        title: "Set an object's texture",
        description: "Gives an object a material made of a Poly Haven texture: colour, roughness, normal and the \
                      other maps, wired up. It replaces the object's materials. Download the texture with \
                      blender_download_polyhaven_asset first.",
        annotations: Annotations { idempotent: true, ..Annotations::DESTRUCTIVE },
        timeout_seconds: 30.0,
        parameters: &[
            Param::required("object_name", NAME, "Exact name of the object."),
            Param::required("texture_id", ASSET_ID, "Id of the downloaded texture."),
        ],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_get_asset_preview",
        title: "Get an asset's picture",
        description: "The picture of an asset of Poly Haven or Sketchfab, to choose by looks before downloading.",
        annotations: Annotations::SEARCH,
        timeout_seconds: 30.0,
        parameters: &[
            Param::required("service", Kind::OneOf(&["polyhaven", "sketchfab"]), "Where the asset is."),
            Param::required("asset_id", ASSET_ID, "Its id or uid, from a search."),
        ],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_get_sketchfab_status",
        title: "Get Sketchfab status",
        description: "Whether Sketchfab (models by its community) is switched on in this Blender's add-on and has a \
                      key. Ask before using the other Sketchfab tools.",
        annotations: Annotations::READ,
        timeout_seconds: 15.0,
        parameters: &[],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_search_sketchfab_models",
        title: "Search Sketchfab models",
        description: "Searches Sketchfab for models by words. Look at licence and face count before choosing; the \
                      uid goes into blender_download_sketchfab_model.",
        annotations: Annotations::SEARCH,
        timeout_seconds: 30.0,
        parameters: &[
            Param::required("query", QUERY, "Words to search for, in English for most results."),
            Param::nullable("categories", &QUERY, "Categories of Sketchfab, separated by commas."),
            Param::optional(
                "count",
                Kind::Integer { min: 1, max: 100 },
                DefaultValue::Integer(20),
                "How many results at most. The service may give fewer.",
            ),
            Param::optional(
                "downloadable",
                Kind::Boolean,
                DefaultValue::Boolean(true),
                "True finds only models that can be downloaded.",
            ),
        ],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_download_sketchfab_model",
        title: "Download a Sketchfab model",
        description: "Downloads a model from Sketchfab and imports it into the scene. Its size is the author's own \
                      without target_size. Tell the user author and licence from the answer's source.",
        annotations: Annotations::DOWNLOAD,
        timeout_seconds: 180.0,
        parameters: &[Param::required("uid", ASSET_ID, "Uid from blender_search_sketchfab_models."), TARGET_SIZE],
        changes: Changes::Never,
    },
];
