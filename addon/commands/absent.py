"""Commands of the catalog that this version of the extension does not have: an honest answer for each."""

from __future__ import annotations

from typing import Any

from ..link.main_thread import JobControl
from .registry import CommandError, command

_ABSENT = {
    "Poly Haven": (
        "get_polyhaven_categories",
        "search_polyhaven_assets",
        "download_polyhaven_asset",
        "set_texture",
    ),
    "Hyper3D Rodin": ("create_rodin_job", "poll_rodin_job_status", "import_generated_asset"),
    "Sketchfab": ("search_sketchfab_models", "download_sketchfab_model"),
    "Message bus subscriptions": (
        "msgbus_clear_by_owner",
        "msgbus_publish_rna",
        "msgbus_subscribe_rna",
        "msgbus_get_notifications",
        "msgbus_list_subscriptions",
    ),
}
_STATUS = {
    "get_polyhaven_status": "Poly Haven",
    "get_hyper3d_status": "Hyper3D Rodin",
    "get_sketchfab_status": "Sketchfab",
}


def _absence(feature: str) -> str:
    verb = "are" if feature.endswith("s") else "is"
    return f"{feature} {verb} not available in this version of the Blender Bus extension"


def _refuse(name: str, feature: str) -> None:
    def refuse(control: JobControl) -> None:
        raise CommandError(f"{name}: {_absence(feature)}")

    command(name)(refuse)


def _report_status(name: str, feature: str) -> None:
    def status(control: JobControl) -> dict[str, Any]:
        return {"enabled": False, "message": _absence(feature)}

    command(name)(status)


for _feature, _names in _ABSENT.items():
    for _name in _names:
        _refuse(_name, _feature)
for _name, _feature in _STATUS.items():
    _report_status(_name, _feature)
