"""The asset services, one row each. A new one is a row, its file of commands, and their rows of EFFECTS (no bpy)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

WHERE = "the preferences of the Blender Bus extension, under Integrations"


@dataclass(frozen=True, slots=True)
class Integration:
    """One service. `name` is its switch and its module in `commands`; the key's names are empty where it needs none."""

    name: str
    label: str
    about: str
    key_label: str = ""
    key_about: str = ""
    # Properties of the preferences that belong to it, beside switch and key.
    options: tuple[str, ...] = ()

    @property
    def switch(self) -> str:
        """Return the preferences' property that switches it on."""
        return f"use_{self.name}"

    @property
    def key_property(self) -> str:
        """Return the preferences' property of its key, which is the field of Settings too; empty if it needs none."""
        return f"{self.name}_key" if self.key_label else ""

    @property
    def environment(self) -> str:
        """Return the environment variable of its key, for Blenders without a window."""
        return f"BLENDER_BUS_{self.name.upper()}_KEY" if self.key_label else ""

    def status(self, settings: Any, ready: str = "") -> dict[str, Any]:
        """Return the answer of its status command; `ready` is said once it can be used."""
        if self.name not in settings.integrations:
            return _told(False, f"{self.label} is switched off; its user can switch it on in {WHERE}")
        if self.key_property and not getattr(settings, self.key_property):
            return _told(False, f"{self.label} has no API key; its user can enter one in {WHERE}")
        return _told(True, f"{self.label} is switched on and ready to use{ready}")


def _told(enabled: bool, message: str) -> dict[str, Any]:
    return {"enabled": enabled, "message": message}


POLYHAVEN = Integration("polyhaven", "Poly Haven", "Clients may search and download its free assets")
HYPER3D = Integration(
    "hyper3d",
    "Hyper3D Rodin",
    "Clients may generate models with your account",
    "API Key",
    "Your key for Rodin",
    ("hyper3d_provider",),
)
SKETCHFAB = Integration(
    "sketchfab",
    "Sketchfab",
    "Clients may search and download with your account",
    "API Token",
    "Your token for Sketchfab",
)
ALL = (POLYHAVEN, HYPER3D, SKETCHFAB)
