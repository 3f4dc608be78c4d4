"""Where a link to the bus stands (no bpy)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """Where the link stands, for the user."""

    STOPPED = "stopped"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    REGISTERED = "registered"
    WAITING = "waiting"
    STAYS_AWAY = "stays_away"


@dataclass(frozen=True, slots=True)
class Status:
    """The state in words; `since` is Unix seconds."""

    state: State
    message: str
    since: float
