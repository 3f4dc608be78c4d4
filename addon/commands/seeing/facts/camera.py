"""What a camera sees, by rays through a grid over its picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import bpy
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

from ...values import number, vector
from .form import Form

ACROSS = 64
# With more faces rays take too long: the tree they search in is made anew for each scene.
MAX_FACES = 1_000_000
MAX_POINTS = 2_000


@dataclass(slots=True)
class Seen:
    """Of one object: cells of the grid it is seen in, and the distance (units) of its nearest seen point."""

    cells: list[tuple[int, int]] = field(default_factory=list)
    nearest: float = float("inf")


def look(scene: Any, depsgraph: Any, scale: float) -> tuple[dict[str, Any], dict[str, Seen]]:
    """Return facts of the scene's camera, and what it sees of each object by name."""
    camera = scene.camera
    if (refused := _no_camera(camera)) is not None:
        return refused, {}
    render = scene.render
    width = render.resolution_x * render.pixel_aspect_x
    height = render.resolution_y * render.pixel_aspect_y
    columns, rows = (ACROSS, max(1, round(ACROSS * height / width)))
    if height > width:
        columns, rows = max(1, round(ACROSS * width / height)), ACROSS
    seen = _cast(scene, depsgraph, camera, columns, rows)
    hits = sum(len(item.cells) for item in seen.values())
    facts = _facts(scene, scale)
    facts["sees"] = sorted(seen, key=lambda name: -len(seen[name].cells))[:50]
    facts["empty_share"] = number(1.0 - hits / (columns * rows))
    facts["grid"] = [columns, rows]
    return facts, seen


def _no_camera(camera: Any) -> dict[str, Any] | None:
    if camera is None:
        return {"name": None, "note": "The scene has no camera"}
    if camera.type != "CAMERA" or camera.data.type == "PANO":
        return {"name": camera.name, "note": "Only perspective and orthographic cameras are looked through"}
    return None


def _facts(scene: Any, scale: float) -> dict[str, Any]:
    camera, render = scene.camera, scene.render
    data = camera.data
    perspective = data.type == "PERSP"
    return {
        "name": camera.name,
        "type": data.type,
        "location": vector(camera.matrix_world.translation * scale),
        "resolution": [
            round(render.resolution_x * render.resolution_percentage / 100),
            round(render.resolution_y * render.resolution_percentage / 100),
        ],
        "lens_mm" if perspective else "ortho_scale": number(data.lens if perspective else data.ortho_scale * scale),
    }


def faces(depsgraph: Any) -> int:
    """Return how many faces are shown, without those of instances."""
    items = (item for item in bpy.context.view_layer.objects if item.type == "MESH")
    return sum(len(item.evaluated_get(depsgraph).data.polygons) for item in items)


def frame(scene: Any, forms: list[Form], scale: float) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """As `look` and `told`, of scenes with too many faces for rays: by points in the picture, hidden or not."""
    if (refused := _no_camera(scene.camera)) is not None:
        return refused, {}
    rows: dict[str, dict[str, Any]] = {}
    for form in forms:
        if not form.has_size:
            continue
        points = form.points[:: max(1, len(form.points) // MAX_POINTS)] / scale
        seen = [world_to_camera_view(scene, scene.camera, Vector(point)) for point in points]
        inside = [p for p in seen if p.z > 0 and 0 <= p.x <= 1 and 0 <= p.y <= 1]
        if not inside:
            rows[form.name] = {"visible": False, "fills": 0.0}
            continue
        ahead = [p for p in seen if p.z > 0]
        xs, ys = [p.x for p in ahead], [1 - p.y for p in ahead]
        cut = zip(("left", "top", "right", "bottom"), (min(xs) < 0, min(ys) < 0, max(xs) > 1, max(ys) > 1), strict=True)
        left, top, right, bottom = (min(1.0, max(0.0, v)) for v in (min(xs), min(ys), max(xs), max(ys)))
        rows[form.name] = {
            "visible": True,
            "fills": number((right - left) * (bottom - top)),
            "box": [round(v, 3) for v in (left, top, right, bottom)],
            "cut_by": [side for side, is_cut in cut if is_cut],
            "distance": number(min(p.z for p in inside) * scale),
        }
    facts = _facts(scene, scale)
    facts["sees"] = [name for name, row in rows.items() if row["visible"]][:50]
    facts["note"] = f"More than {MAX_FACES} faces: boxes in the picture are told, and what hides what is not"
    return facts, rows


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
