//! Tools for models generated from text or pictures: Hyper3D Rodin.

use kernel::arguments::{Bound, Kind, Param};

use super::kinds::{ASSET_ID, NAME};
use super::{Annotations, Changes, DispatchTool};

const PROMPT: Kind = Kind::Text { min: 1, max: 4096 };
/// A URL, or a pair of file extension and base64 data.
const IMAGE: Kind = Kind::Any { usually: &Kind::Text { min: 0, max: 0 } };
const PROPORTIONS: Kind = Kind::List { items: &PROPORTION, max: 3 };
const PROPORTION: Kind = Kind::Number { min: Bound::Excluded(0.0), max: Bound::Excluded(f64::MAX) };
/// Keys of the services are opaque, and longer than ids.
const KEY: Kind = Kind::Text { min: 1, max: 1024 };
const IMAGES: Kind = Kind::List { items: &IMAGE, max: 16 };

pub const TOOLS: &[DispatchTool] = &[
    DispatchTool {
        name: "blender_get_hyper3d_status",
        title: "Get Hyper3D status",
        description: "Whether Hyper3D Rodin (models generated from text or images) is switched on in this Blender's \
                      add-on, and through which service, hyper3d.ai or fal.ai. Ask before using the other Rodin \
                      tools.",
        annotations: Annotations::READ,
        timeout_seconds: 15.0,
        parameters: &[],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_create_rodin_job",
        title: "Generate a model with Rodin",
        description: "Starts generating one 3D model with its textures, from a text or from images, not both. It \
                      costs the user credits and takes minutes: follow it with blender_poll_rodin_job_status, then \
                      bring it in with blender_import_generated_asset. For single things that no library has; not \
                      for whole scenes.",
        annotations: Annotations::DOWNLOAD,
        timeout_seconds: 60.0,
        parameters: &[
            Param::nullable("text_prompt", &PROMPT, "What to generate, in short English."),
            Param::nullable(
                "images",
                &IMAGES,
                "Pictures of the thing: URLs for fal.ai, pairs of file extension and base64 data for hyper3d.ai.",
            ),
            Param::nullable(
                "bbox_condition",
                &Kind::Any { usually: &PROPORTIONS },
                "Proportions as [length, width, height]. The model comes in at a normalized size either way.",
            ),
        ],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_poll_rodin_job_status",
        title: "Poll a Rodin job",
        description: "How far a generation is. Wait some seconds between polls; go on when everything is done. Give \
                      the key that blender_create_rodin_job returned: subscription_key for hyper3d.ai, request_id \
                      for fal.ai.",
        annotations: Annotations::SEARCH,
        timeout_seconds: 60.0,
        parameters: &[
            Param::nullable("subscription_key", &KEY, "Key of a job at hyper3d.ai."),
            Param::nullable("request_id", &KEY, "Id of a job at fal.ai."),
        ],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_import_generated_asset",
        title: "Import a generated model",
        description: "Imports the model of a finished Rodin job into the scene, under a name of your choice. Check \
                      its size and place afterwards with blender_get_object_info.",
        annotations: Annotations::DOWNLOAD,
        timeout_seconds: 180.0,
        parameters: &[
            Param::required("name", NAME, "Name the object shall have."),
            Param::nullable("task_uuid", &ASSET_ID, "Task of a job at hyper3d.ai."),
            Param::nullable("request_id", &KEY, "Id of a job at fal.ai."),
        ],
        changes: Changes::Never,
    },
];
