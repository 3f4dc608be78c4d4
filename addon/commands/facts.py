"""What this Blender tells the bus about itself."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Any

import bpy

from .allowed.settings import settings

MAX_FILE_CHARS = 100


@functools.cache
def manifest() -> dict[str, Any]:
    """Return what the extension says about itself."""
    path = Path(__file__).resolve().parents[1] / "blender_manifest.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


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
