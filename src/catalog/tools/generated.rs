//! Tools for models generated from text or pictures: Hyper3D Rodin and Hunyuan3D.

use kernel::arguments::{Bound, DefaultValue, Kind, Param};

use super::kinds::{ASSET_ID, NAME, TARGET_SIZE};
use super::{Annotations, Changes, DispatchTool};

const PROMPT: Kind = Kind::Text { min: 1, max: 4096 };
/// A URL, or a pair of file extension and base64 data.
const IMAGE: Kind = Kind::Any { usually: &Kind::Text { min: 0, max: 0 } };
const PROPORTIONS: Kind = Kind::List { items: &PROPORTION, max: 3 };
const PROPORTION: Kind = Kind::Number { min: Bound::Excluded(0.0), max: Bound::Excluded(f64::MAX) };
/// Keys of the services are opaque, and longer than ids.
const KEY: Kind = Kind::Text { min: 1, max: 1024 };
const HUNYUAN_PROMPT: Kind = Kind::Text { min: 1, max: 1024 };
const HUNYUAN_JOB: Kind = Kind::Text { min: 1, max: 256 };
const ANY_IMAGE: Kind = Kind::Any { usually: &Kind::Text { min: 1, max: 0 } };
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
            Param::optional(
                "tier",
                Kind::OneOf(&["Gen-2", "Detail", "Smooth", "Regular", "Sketch"]),
                DefaultValue::Text("Gen-2"),
                "Gen-2 is best; Sketch takes 20 seconds.",
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
            TARGET_SIZE,
        ],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_get_hunyuan3d_status",
        title: "Get Hunyuan3D status",
        description: "Whether Hunyuan3D (models generated from a picture, or from text in the cloud) is switched on \
                      in this Blender's add-on. Ask before using its other tools.",
        annotations: Annotations::READ,
        timeout_seconds: 15.0,
        parameters: &[],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_create_hunyuan_job",
        title: "Generate a model with Hunyuan3D",
        description: "Starts generating one 3D model with its textures, from a text or a picture, not both; the \
                      user's own server takes a picture only. It takes minutes, and credits in the cloud: follow it \
                      with blender_poll_hunyuan_job_status.",
        annotations: Annotations::DOWNLOAD,
        timeout_seconds: 60.0,
        parameters: &[
            Param::nullable("text_prompt", &HUNYUAN_PROMPT, "What to generate, in short."),
            Param::nullable("image", &ANY_IMAGE, "A picture of the thing: an https or data: URL."),
        ],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_poll_hunyuan_job_status",
        title: "Poll a Hunyuan3D job",
        description: "How far a generation is: WAIT, RUN, DONE or FAIL. Wait some seconds between polls.",
        annotations: Annotations::SEARCH,
        timeout_seconds: 60.0,
        parameters: &[Param::required("job_id", HUNYUAN_JOB, "From blender_create_hunyuan_job.")],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_import_generated_asset_hunyuan",
        title: "Import a Hunyuan3D model",
        description: "Imports the model of a Hunyuan3D job that is DONE into the scene, under a name of your choice.",
        annotations: Annotations::DOWNLOAD,
        timeout_seconds: 180.0,
        parameters: &[
            Param::required("name", NAME, "Name the object shall have."),
            Param::nullable("job_id", &HUNYUAN_JOB, "The job."),
            Param::nullable("zip_file_url", &KEY, "In place of the job: the address of a file that a poll told."),
            TARGET_SIZE,
        ],
        changes: Changes::Never,
    },
];
