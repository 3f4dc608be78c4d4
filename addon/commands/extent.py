"""How large what has come is, and making it as large as wanted."""

from __future__ import annotations

from typing import Any

import bpy
from mathutils import Matrix, Vector

from .values import number


def bounds(created: list[Any]) -> dict[str, Any]:
    """Return the box around an import, in metres of the world; nothing for one without meshes."""
    bpy.context.view_layer.update()
    corners = [
        item.matrix_world @ Vector(corner) for item in created if item.type == "MESH" for corner in item.bound_box
    ]
    if not corners:
        return {}
    low, high = ([pick(float(corner[axis]) for corner in corners) for axis in range(3)] for pick in (min, max))
    sides = [b - a for a, b in zip(low, high, strict=True)]
    box = [[number(value) for value in corner] for corner in (low, high)]
    return {"world_bounding_box": box, "dimensions": [number(side) for side in sides]}


def resize(created: list[Any], target: float) -> None:
    """Scale an import about the origin so that its longest side is `target` metres."""
    longest = max(bounds(created).get("dimensions", [0.0]))
    if longest > 0.0:
        for root in (item for item in created if item.parent not in created):
            root.matrix_world = Matrix.Scale(target / longest, 4) @ root.matrix_world
        bpy.context.view_layer.update()
