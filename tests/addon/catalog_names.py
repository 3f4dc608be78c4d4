"""The commands of the catalog."""

CORE = (
    "get_scene_info",
    "get_object_info",
    "browse_data",
    "execute_code",
    "get_viewport_screenshot",
    "get_console_output",
    "console_operations",
)
STATUS = ("get_polyhaven_status", "get_hyper3d_status", "get_sketchfab_status")
MSGBUS = (
    "msgbus_clear_by_owner",
    "msgbus_publish_rna",
    "msgbus_subscribe_rna",
    "msgbus_get_notifications",
    "msgbus_list_subscriptions",
)
INTEGRATED = (
    "get_polyhaven_categories",
    "search_polyhaven_assets",
    "download_polyhaven_asset",
    "set_texture",
    "create_rodin_job",
    "poll_rodin_job_status",
    "import_generated_asset",
    "search_sketchfab_models",
    "download_sketchfab_model",
)
CHECKPOINTS = ("checkpoint", "list_checkpoints", "restore_checkpoint")
SEEING = ("get_scene_tree", "get_file_info", "search_api", "measure", "set_view", "render_views", "render")
COMMANDS = CORE + STATUS + MSGBUS + INTEGRATED + CHECKPOINTS + SEEING
