"""What the user allows and provides: policy, asset services, keys (no bpy).

It comes from the preferences; headless, from arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

EVERYTHING, ASK, READ_ONLY = "everything", "ask", "read-only"
POLICIES = (EVERYTHING, ASK, READ_ONLY)
RODIN_MAIN_SITE, RODIN_FAL = "hyper3d.ai", "fal.ai"
HUNYUAN_LOCAL, HUNYUAN_CHINA, HUNYUAN_WORLD = "local", "tencent.cn", "tencent.com"
HUNYUAN_ADDRESS = "http://127.0.0.1:8081"
WHERE = "the preferences of the Blender Bus extension, under Integrations"


@dataclass(frozen=True, slots=True)
class Integration:
    """One asset service: a row here, its file of commands, their rows of EFFECTS.

    `name` is its switch and its module in `commands`; the key's names are empty where it needs none.
    """

    name: str
    label: str
    about: str
    key_label: str = ""
    key_about: str = ""
    # Properties of the preferences that belong to it, beside switch and key: fields of Settings of the same name.
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

    def status(self, settings: Any, ready: str = "", *, needs_key: bool = True) -> dict[str, Any]:
        """Return the answer of its status command; `ready` is said once it can be used."""
        if self.name not in settings.integrations:
            return _told(False, f"{self.label} is switched off; its user can switch it on in {WHERE}")
        if needs_key and self.key_property and not getattr(settings, self.key_property):
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
HUNYUAN3D = Integration(
    "hunyuan3d",
    "Hunyuan3D",
    "Clients may generate models with a server of yours, or with your account of Tencent Cloud",
    "Secret Key",
    "The secret key of Tencent Cloud; your own server needs none",
    ("hunyuan3d_provider", "hunyuan3d_address", "hunyuan3d_secret_id"),
)
ALL = (POLYHAVEN, HYPER3D, SKETCHFAB, HUNYUAN3D)
INTEGRATIONS = tuple(row.name for row in ALL)


@dataclass(frozen=True, slots=True)
class Settings:
    """Keys are empty where there is none; they are never part of a job or of an answer."""

    policy: str = EVERYTHING
    integrations: frozenset[str] = frozenset()
    hyper3d_provider: str = RODIN_MAIN_SITE
    hyper3d_key: str = ""
    sketchfab_key: str = ""
    hunyuan3d_provider: str = HUNYUAN_LOCAL
    hunyuan3d_address: str = HUNYUAN_ADDRESS
    hunyuan3d_secret_id: str = ""
    hunyuan3d_key: str = ""
    online: bool = True
    # Whether checkpoints are made that nobody asked for.
    checkpoints: bool = True


_provider: Callable[[], Settings] = Settings


def settings() -> Settings:
    """Return the settings of now."""
    return _provider()


def provide(provider: Callable[[], Settings]) -> None:
    """Take the settings from `provider`, which is called on the main thread for each job."""
    global _provider
    _provider = provider
