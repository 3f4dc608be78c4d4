"""What the user allows and provides: policy, integrations, keys. From the preferences; headless, from arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .integrations import ALL

EVERYTHING, ASK, READ_ONLY = "everything", "ask", "read-only"
POLICIES = (EVERYTHING, ASK, READ_ONLY)
RODIN_MAIN_SITE, RODIN_FAL = "hyper3d.ai", "fal.ai"
INTEGRATIONS = tuple(row.name for row in ALL)


@dataclass(frozen=True, slots=True)
class Settings:
    """Keys are empty where there is none; they are never part of a job or of an answer."""

    policy: str = EVERYTHING
    integrations: frozenset[str] = frozenset()
    hyper3d_provider: str = RODIN_MAIN_SITE
    hyper3d_key: str = ""
    sketchfab_key: str = ""
    online: bool = True


_provider: Callable[[], Settings] = Settings


def settings() -> Settings:
    """Return the settings of now."""
    return _provider()


def provide(provider: Callable[[], Settings]) -> None:
    """Take the settings from `provider`, which is called on the main thread for each job."""
    global _provider
    _provider = provider
