//! Tools for the user's files, which the edge answers. Their parameters stand in `bus::wire::tables`.

use ::bus::wire::tables::{CREATE_UPLOAD, DELETE_FILE, GET_FILE, LIST_FILES};
use serde_json::{Value, json};

use super::{Annotations, BusTool, output};

pub const LISTINGS: &[BusTool] = &[
    BusTool {
        name: LIST_FILES,
        title: "List files",
        description: "Your files on the server, newest first: uploads, and what Blenders exported, rendered or printed at \
                      length. Each has a url that is good for an hour.",
        annotations: Annotations::READ,
        output: listed,
    },
    BusTool {
        name: CREATE_UPLOAD,
        title: "Create an upload",
        description: "To get a file to a Blender, or to the server: returns an upload_url to PUT the bytes to (curl -T file \
                      URL) and the file_id to use once they are there.",
        annotations: Annotations::CHANGE,
        output: created,
    },
    BusTool {
        name: GET_FILE,
        title: "Get a file",
        description: "What is known of one file, with a url to download it that is good for an hour.",
        annotations: Annotations::READ,
        output: file,
    },
    BusTool {
        name: DELETE_FILE,
        title: "Delete a file",
        description: "Deletes one of your files on the server. Files also go by themselves some days after they were made.",
        annotations: Annotations::DELETE,
        output: deleted,
    },
];

fn file() -> Value {
    json!({
        "type": "object",
        "properties": {"file_id": {"type": "string"}, "name": {"type": "string"}, "url": {"type": "string"}},
        "required": ["file_id"],
    })
}

fn listed() -> Value {
    output::answer(json!({"files": {"type": "array", "items": file()}, "next": {"type": ["string", "null"]}}))
}

fn created() -> Value {
    output::answer(
        json!({"file_id": {"type": "string"}, "upload_url": {"type": "string"}, "expires_at": {"type": "number"}}),
    )
}

fn deleted() -> Value {
    output::answer(json!({"file_id": {"type": "string"}}))
}
