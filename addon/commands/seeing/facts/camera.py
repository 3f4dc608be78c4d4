"""What a camera sees, by rays through a grid over its picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import bpy
from mathutils import Vector

from ...values import number, vector

ACROSS = 64


@dataclass(slots=True)
class Seen:
    """Of one object: cells of the grid it is seen in, and the distance (units) of its nearest seen point."""

    cells: list[tuple[int, int]] = field(default_factory=list)
    nearest: float = float("inf")


def look(scene: Any, depsgraph: Any, scale: float) -> tuple[dict[str, Any], dict[str, Seen]]:
    """Return facts of the scene's camera, and what it sees of each object by name."""
    camera = scene.camera
    if camera is None:
        return {"name": None, "note": "The scene has no camera"}, {}
    if camera.type != "CAMERA" or camera.data.type == "PANO":
        return {"name": camera.name, "note": "Only perspective and orthographic cameras are looked through"}, {}
    render = scene.render
    width = render.resolution_x * render.pixel_aspect_x
    height = render.resolution_y * render.pixel_aspect_y
    columns, rows = (ACROSS, max(1, round(ACROSS * height / width)))
    if height > width:
        columns, rows = max(1, round(ACROSS * width / height)), ACROSS
    seen = _cast(scene, depsgraph, camera, columns, rows)
    data = camera.data
    hits = sum(len(item.cells) for item in seen.values())
    facts = {
        "name": camera.name,
        "type": data.type,
        "location": vector(camera.matrix_world.translation * scale),
        "resolution": [
            round(render.resolution_x * render.resolution_percentage / 100),
            round(render.resolution_y * render.resolution_percentage / 100),
        ],
        "sees": sorted(seen, key=lambda name: -len(seen[name].cells))[:50],
        "empty_share": number(1.0 - hits / (columns * rows)),
    }
    facts["lens_mm" if data.type == "PERSP" else "ortho_scale"] = number(
        data.lens if data.type == "PERSP" else data.ortho_scale * scale
    )
    facts["grid"] = [columns, rows]
    return facts, seen


def told(seen: Seen | None, grid: list[int], scale: float) -> dict[str, Any]:
    """Return what is seen of one object: its share of the picture, and its box from the upper left corner (0 to 1)."""
    if seen is None:
        return {"visible": False, "fills": 0.0}
    columns, rows = grid
    xs, ys = [x for x, _ in seen.cells], [y for _, y in seen.cells]
    box = [min(xs) / columns, min(ys) / rows, (max(xs) + 1) / columns, (max(ys) + 1) / rows]
    return {
        "visible": True,
        "fills": number(len(seen.cells) / (columns * rows)),
        "box": [round(value, 3) for value in box],
        "cut_by": [
            side
            for side, cut in zip(
                ("left", "top", "right", "bottom"),
                (min(xs) == 0, min(ys) == 0, max(xs) == columns - 1, max(ys) == rows - 1),
                strict=True,
            )
            if cut
        ],
        "distance": number(seen.nearest * scale),
    }


def _cast(scene: Any, depsgraph: Any, camera: Any, columns: int, rows: int) -> dict[str, Seen]:
    matrix = camera.matrix_world.normalized()
    upper_right, lower_right, lower_left, upper_left = camera.data.view_frame(scene=scene)
    is_ortho = camera.data.type == "ORTHO"
    turn = matrix.to_3x3()
    # Both near and far, as it is rendered.
    near, far = camera.data.clip_start, camera.data.clip_end
    seen: dict[str, Seen] = {}
    for row in range(rows):
        for column in range(columns):
            across, down = (column + 0.5) / columns, (row + 0.5) / rows
            top = upper_left.lerp(upper_right, across)
            point = top.lerp(lower_left.lerp(lower_right, across), down)
            if is_ortho:
                start, direction = Vector((point.x, point.y, -near)), Vector((0.0, 0.0, -1.0))
            else:
                direction = point.normalized()
                start = direction * (near / max(1e-6, -direction.z))
            hit, place, _, _, item, _ = scene.ray_cast(
                depsgraph, matrix @ start, turn @ direction, distance=max(0.0, far - near)
            )
            if hit:
                found = seen.setdefault(item.name, Seen())
                found.cells.append((column, row))
                found.nearest = min(found.nearest, (place - matrix.translation).length)
    return seen


def depsgraph_of_now() -> Any:
    """Return the evaluated scene, with changes made a moment ago."""
    bpy.context.view_layer.update()
    return bpy.context.evaluated_depsgraph_get()
