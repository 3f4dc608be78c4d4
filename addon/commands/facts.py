"""What this Blender tells the bus about itself."""

from __future__ import annotations

from pathlib import Path

import bpy

from .settings import settings

MAX_FILE_CHARS = 100


def capabilities() -> tuple[str, ...]:
    """Return the capabilities for the registration: Blender's version, window or not, and the file that is open."""
    found = [
        f"blender:{bpy.app.version_string}",
        "background" if bpy.app.background else "window",
        f"policy:{settings().policy}",
    ]
    if bpy.data.filepath:
        found.append(f"file:{Path(bpy.data.filepath).name[:MAX_FILE_CHARS]}")
    return tuple(found)
