"""Data blocks by name. Those linked from another file may have the name of one of this file, or of a third file's."""

from __future__ import annotations

from typing import Any

import bpy


def find(items: Any, name: str) -> Any:
    """Return the item of a collection of `bpy.data` with this name, or None.

    The file's own comes first. A linked one goes by its full name too, as Blender shows it: `Cube [library.blend]`.
    """
    found = items.get((name, None)) or items.get(name)
    if found is not None or not name.endswith("]"):
        return found
    return next((item for item in items if item.library is not None and item.name_full == name), None)


def namesakes(items: Any, chosen: Any) -> list[str]:
    """Return the full names of the other items that have the same name."""
    if not len(bpy.data.libraries):
        return []
    return [item.name_full for item in items if item.name == chosen.name and item != chosen]
