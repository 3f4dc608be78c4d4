//! Tools for Blender's message bus (`bpy.msgbus`): being told when a property changes.

use kernel::arguments::{DefaultValue, Kind, Param};

use super::{Annotations, Changes, DispatchTool};

const OWNER: Kind = Kind::Text { min: 1, max: 128 };
const DATA_PATH: Kind = Kind::Text { min: 1, max: 1024 };

const OWNER_ID: Param =
    Param::optional("owner_id", OWNER, DefaultValue::Text("default"), "Name that the subscriptions are grouped under.");
const ANY_OWNER_ID: Param = Param::nullable("owner_id", &OWNER, "Only this owner's; without it everyone's.");

pub const TOOLS: &[DispatchTool] = &[
    DispatchTool {
        name: "blender_msgbus_subscribe_rna",
        title: "Subscribe to property changes",
        description: "Starts watching a Blender property, so that its later changes are collected for \
                      blender_msgbus_get_notifications. It reports changes made in the interface or through the \
                      Python API, not those by animation or the depsgraph. Use it to follow what a person does \
                      between your calls; to read a value once use blender_get_object_info or blender_execute_code.",
        annotations: Annotations::CHANGE,
        timeout_seconds: 30.0,
        parameters: &[
            Param::required(
                "data_path",
                DATA_PATH,
                "A property as Python writes it: of one thing, bpy.data.objects[\"Cube\"].location, or of every \
                 thing of a type, bpy.types.Object.location.",
            ),
            OWNER_ID,
            Param::optional(
                "notify_type",
                Kind::Text { min: 1, max: 64 },
                DefaultValue::Text("UPDATE"),
                "Label that the notifications carry.",
            ),
            Param::optional(
                "persistent",
                Kind::Boolean,
                DefaultValue::Boolean(true),
                "True keeps the subscription when the property's place in memory moves, for example by a rename.",
            ),
        ],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_msgbus_get_notifications",
        title: "Get property notifications",
        description: "The property changes collected since blender_msgbus_subscribe_rna. Blender delivers \
                      them only while it runs with a window. Pass clear to read each of them once.",
        annotations: Annotations::READ,
        timeout_seconds: 30.0,
        parameters: &[
            ANY_OWNER_ID,
            Param::optional(
                "clear",
                Kind::Boolean,
                DefaultValue::Boolean(false),
                "True forgets the notifications that are returned.",
            ),
        ],
        changes: Changes::With("clear"),
    },
    DispatchTool {
        name: "blender_msgbus_list_subscriptions",
        title: "List property subscriptions",
        description: "Which properties are being watched, and for which owner. Look here before subscribing again.",
        annotations: Annotations::READ,
        timeout_seconds: 30.0,
        parameters: &[ANY_OWNER_ID],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_msgbus_publish_rna",
        title: "Publish a property change",
        description: "Tells every subscriber of a property that it changed, without changing it. Needed after code \
                      changed data in a way that Blender does not report by itself.",
        annotations: Annotations::CHANGE,
        timeout_seconds: 30.0,
        parameters: &[Param::nullable(
            "data_path",
            &DATA_PATH,
            "The property, written as for blender_msgbus_subscribe_rna.",
        )],
        changes: Changes::Never,
    },
    DispatchTool {
        name: "blender_msgbus_clear_by_owner",
        title: "Clear an owner's subscriptions",
        description: "Ends all subscriptions of one owner. Call it when you are done watching.",
        annotations: Annotations::DELETE,
        timeout_seconds: 30.0,
        parameters: &[OWNER_ID],
        changes: Changes::Never,
    },
];
