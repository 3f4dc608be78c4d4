//! The parameter tables of the bus tools and of the tools for durable jobs.

use kernel::arguments::{Bound, DefaultValue, Kind, Param};

use crate::wire::priority::Priority;
use crate::wire::tool_parameters::{
    MAX_CAPABILITIES, MAX_CAPABILITY, MAX_ERROR, MAX_ID, MAX_OPEN_JOBS, MAX_WAIT_SECONDS, MAX_WORD, ToolParameters,
};

pub const REGISTER_CLIENT: &str = "blender_register_client";
pub const UNREGISTER_CLIENT: &str = "blender_unregister_client";
pub const SEND_MESSAGE: &str = "blender_send_message";
pub const JOB_UPDATE: &str = "blender_job_update";
pub const LIST_AVAILABLE_CLIENTS: &str = "blender_list_available_clients";

pub const SUBMIT: &str = "blender_submit";
pub const JOB_STATUS: &str = "blender_job_status";
pub const JOB_RESULT: &str = "blender_job_result";
pub const JOB_CANCEL: &str = "blender_job_cancel";
pub const LIST_JOBS: &str = "blender_list_jobs";
pub const RECEIVE_MESSAGES: &str = "blender_receive_messages";

pub const LIST_FILES: &str = "blender_list_files";
pub const CREATE_UPLOAD: &str = "blender_create_upload";
pub const GET_FILE: &str = "blender_get_file";
pub const DELETE_FILE: &str = "blender_delete_file";

/// What every bus serves, over HTTP and over a peer's WebSocket.
pub const BUS_TOOLS: &[ToolParameters] = &[
    ToolParameters { name: LIST_AVAILABLE_CLIENTS, parameters: &[] },
    ToolParameters { name: REGISTER_CLIENT, parameters: REGISTER_CLIENT_PARAMETERS },
    ToolParameters { name: UNREGISTER_CLIENT, parameters: UNREGISTER_CLIENT_PARAMETERS },
    ToolParameters { name: SEND_MESSAGE, parameters: SEND_MESSAGE_PARAMETERS },
    ToolParameters { name: JOB_UPDATE, parameters: JOB_UPDATE_PARAMETERS },
];

/// Jobs that outlive the call that started them, and the inbox.
pub const JOB_TOOLS: &[ToolParameters] = &[
    ToolParameters { name: SUBMIT, parameters: SUBMIT_PARAMETERS },
    ToolParameters { name: JOB_STATUS, parameters: &[JOB_ID, WAIT_SECONDS] },
    ToolParameters { name: JOB_RESULT, parameters: &[JOB_ID] },
    ToolParameters { name: JOB_CANCEL, parameters: &[JOB_ID] },
    ToolParameters { name: LIST_JOBS, parameters: LIST_JOBS_PARAMETERS },
    ToolParameters { name: RECEIVE_MESSAGES, parameters: RECEIVE_MESSAGES_PARAMETERS },
];

/// Files of the user. The edge answers them, since files are not on the bus.
pub const FILE_TOOLS: &[ToolParameters] = &[
    ToolParameters { name: LIST_FILES, parameters: LIST_FILES_PARAMETERS },
    ToolParameters { name: CREATE_UPLOAD, parameters: CREATE_UPLOAD_PARAMETERS },
    ToolParameters { name: GET_FILE, parameters: &[FILE_ID] },
    ToolParameters { name: DELETE_FILE, parameters: &[FILE_ID] },
];

/// The states a job can be listed by.
pub const JOB_STATES: &[&str] = &["queued", "running", "completed", "failed", "cancelled", "lost"];

const ID: Kind = Kind::Label { max: MAX_ID };
const WORD: Kind = Kind::Label { max: MAX_WORD };
const CAPABILITY: Kind = Kind::Text { min: 1, max: MAX_CAPABILITY };
const PRIORITY: Kind = Kind::AnyOf(&[Kind::OneOf(&Priority::LEVELS), Kind::Integer { min: 0, max: 7 }]);
const JOB_STATE: Kind = Kind::OneOf(JOB_STATES);
const ERROR_TEXT: Kind = Kind::Text { min: 0, max: MAX_ERROR };

const JOB_ID: Param = Param::required("job_id", ID, "Id of the job, as the call that started it returned it.");
const WAIT_SECONDS: Param = Param::optional(
    "wait_seconds",
    Kind::Number { min: Bound::Included(0.0), max: Bound::Included(MAX_WAIT_SECONDS) },
    DefaultValue::Number(0.0),
    "Seconds to wait for news before answering. 0 answers at once.",
);

const FILE_ID: Param = Param::required("file_id", Kind::Label { max: 64 }, "Id of the file, f-...");

const LIST_FILES_PARAMETERS: &[Param] = &[
    Param::nullable("after", &ID, "next of the last answer, to read on."),
    Param::optional(
        "limit",
        Kind::Integer { min: 1, max: 500 },
        DefaultValue::Integer(50),
        "How many at most, newest first.",
    ),
];

const CREATE_UPLOAD_PARAMETERS: &[Param] = &[
    Param::required(
        "name",
        Kind::Text { min: 1, max: 255 },
        "File name with its extension, such as reference.png; no folders.",
    ),
    Param::nullable("bytes", &Kind::Integer { min: 0, max: MAX_FILE }, "How many bytes it will have."),
    Param::nullable("sha256", &Kind::Text { min: 64, max: 64 }, "Its SHA-256 in hexadecimal, to be checked."),
    Param::nullable("mime_type", &WORD, "Its type, where the name does not tell."),
];
/// Far more than any store takes: 2^53 - 1.
const MAX_FILE: i64 = 9_007_199_254_740_991;

const REGISTER_CLIENT_PARAMETERS: &[Param] = &[
    Param::required(
        "client_uuid",
        ID,
        "Name the client keeps from one connection to the next; any text that is unique on this bus.",
    ),
    Param::required(
        "client_type",
        WORD,
        "\"blender\" for a Blender that runs jobs, \"llm\" for an assistant, or any other word to filter by.",
    ),
    Param::optional(
        "is_persistent",
        Kind::Boolean,
        DefaultValue::Boolean(false),
        "True keeps the client listed, and its messages waiting, while it is away. Fixed at the first registration.",
    ),
    Param::optional(
        "capabilities",
        Kind::List { items: &CAPABILITY, max: MAX_CAPABILITIES },
        DefaultValue::EmptyList,
        "What the client can do, one word each.",
    ),
    Param::nullable("group_id", &ID, "Group the client joins, so that messages can be sent to all of its members."),
    Param::nullable("instance_id", &WORD, "For peers: which process this is, another one at each start."),
    Param::nullable(
        "open_jobs",
        &Kind::List { items: &ID, max: MAX_OPEN_JOBS },
        "For peers: ids of the jobs it still has. Any other that it had taken is lost.",
    ),
    Param::nullable(
        "ping_interval",
        &Kind::Integer { min: 5, max: 300 },
        "For peers: at least how often it sends the frame ping, in seconds. One that falls silent is let go.",
    ),
];

const UNREGISTER_CLIENT_PARAMETERS: &[Param] =
    &[Param::required("client_uuid", ID, "Name the client was registered with.")];

const SEND_MESSAGE_PARAMETERS: &[Param] = &[
    Param::required(
        "payload",
        Kind::Object,
        "What to deliver. A job for a Blender is {\"message_type\": \"job_dispatch\", \"job_id\": ..., \"script\": \
         <Python>} or {\"message_type\": \"command_dispatch\", \"job_id\": ..., \"command\": ..., \"params\": {}}; \
         anything else arrives untouched.",
    ),
    Param::nullable("target_uuid", &ID, "Send to this one client. Goes before group_id and client_type."),
    Param::nullable("group_id", &ID, "Send to every member of this group. Goes before client_type."),
    Param::nullable(
        "client_type",
        &WORD,
        "Send to every client of this type. With no target at all: to everyone else.",
    ),
    Param::optional(
        "priority",
        PRIORITY,
        DefaultValue::Text(Priority::Info.as_level()),
        "Name of a log level or its number; 0 (emergency) is handled first, 7 (debug) last.",
    ),
    Param::nullable(
        "from_uuid",
        &ID,
        "Registered client that answers shall go to. Without it the server is the sender.",
    ),
];

const JOB_UPDATE_PARAMETERS: &[Param] = &[
    Param::required("job_id", ID, "Id of the job reported on, taken from the message that asked for it."),
    Param::required(
        "status",
        WORD,
        "\"completed\", \"failed\" or \"cancelled\" end the job; any other word reports on the way.",
    ),
    Param::optional(
        "result",
        Kind::Any { usually: &ERROR_TEXT },
        DefaultValue::Text(""),
        "What came out: plain text or JSON text. Any other JSON value is kept as its JSON text.",
    ),
    Param::optional(
        "error",
        Kind::Nullable(&ERROR_TEXT),
        DefaultValue::Text(""),
        "For people: why it failed, with the traceback if there is one.",
    ),
    Param::nullable(
        "extra",
        &Kind::Object,
        "What goes beside the result: \"stderr\" and \"value\", both text, \"changes\", \"checkpoint\" and \"result_file\", \
         objects, and \"files\", a list; at most 128 KiB.",
    ),
];

const SUBMIT_PARAMETERS: &[Param] = &[
    Param::required(
        "command",
        WORD,
        "What to run: the name of a Blender tool without its \"blender_\", such as \"execute_code\".",
    ),
    Param::required("params", Kind::Object, "The arguments of that tool, {} for none."),
    Param::nullable(
        "target_uuid",
        &ID,
        "Blender to run it on, or \"latest\". May be left out while only one is connected.",
    ),
    Param::nullable(
        "target_group",
        &ID,
        "Run it once on every member of this group, in place of one target. A render from frame to frame_end is shared: \
         each connected member renders a part.",
    ),
    Param::nullable(
        "idempotency_key",
        &ID,
        "Any text of your own. Submitting again with the same one returns the first job and starts none.",
    ),
    Param::nullable(
        "from_uuid",
        &ID,
        "Registered client that is sent the job's progress and its end as messages. Without it, poll or subscribe.",
    ),
];

const LIST_JOBS_PARAMETERS: &[Param] = &[
    Param::nullable("status", &JOB_STATE, "Only jobs in this state."),
    Param::optional(
        "limit",
        Kind::Integer { min: 1, max: 500 },
        DefaultValue::Integer(50),
        "How many at most, newest first.",
    ),
];

const RECEIVE_MESSAGES_PARAMETERS: &[Param] = &[
    Param::required("client_uuid", ID, "Registered client whose inbox is read."),
    Param::nullable("after", &ID, "\"next\" of the last answer: only what came after it. Without it from the oldest."),
    WAIT_SECONDS,
    Param::optional(
        "limit",
        Kind::Integer { min: 1, max: 500 },
        DefaultValue::Integer(100),
        "How many messages at most; long ones come fewer at a time, so read on from \"next\".",
    ),
];
