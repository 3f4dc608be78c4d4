//! Tools for checkpoints: copies of the open file that can be gone back to.

use kernel::arguments::{Kind, Param};

use super::{Annotations, Changes, DispatchTool};

/// As long as a Blender keeps.
const LABEL: Kind = Kind::Text { min: 1, max: 100 };
const CHECKPOINT_ID: Kind = Kind::Label { max: 100 };

pub const TOOLS: &[DispatchTool] = &[
    DispatchTool {
        name: "blender_checkpoint",
        title: "Make a checkpoint",
        description: "Keeps a copy of the open file, unsaved changes included, and never writes the user's own file. Make \
                      one before changes that are hard to take back. At most 20 are kept, or 2 GB, and apart from \
                      these 10 automatic ones, or 1 GB; the oldest go first.",
        annotations: Annotations::CHANGE,
        timeout_seconds: 60.0,
        parameters: &[Param::nullable("label", &LABEL, "What it is, such as \"before the boolean\".")],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_list_checkpoints",
        title: "List checkpoints",
        description: "The checkpoints that can be gone back to, newest first: id, label, time, who made them, size.",
        annotations: Annotations::READ,
        timeout_seconds: 30.0,
        parameters: &[],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_restore_checkpoint",
        title: "Restore a checkpoint",
        description: "Opens a copy of a checkpoint in the place of the open file. What is open is kept as a checkpoint \
                      before, named in the answer. The history of undo begins anew.",
        annotations: Annotations::DESTRUCTIVE,
        timeout_seconds: 120.0,
        parameters: &[Param::required(
            "checkpoint_id",
            CHECKPOINT_ID,
            "As the list gives it, such as \"c-0123456789ab\".",
        )],
        changes: Changes::Never,
    },
];
