"""set_view and render_views: turn the viewport, or look from several sides without touching it."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import bpy
import numpy as np
from mathutils import Euler, Matrix

from ...link.queue.control import JobControl
from ..place import Viewport, largest_viewport
from ..registry import Bounds as Limits
from ..registry import CommandError, Name, command
from ..view import VIEWPORT_SENSOR
from ..viewport import as_result
from .facts.form import scene_scale
from .looking import drawn, stage
from .looking.canvas import Canvas
from .looking.shots import ANGLES, CAMERA, LENS, SENSOR, Bounds, Shot, bounds_of, shot
from .looking.wires import draw_edges

Angle = Literal["persp", "front", "back", "left", "right", "top", "bottom", "camera"]
Shading = Literal["solid", "material", "rendered", "wireframe"]
DEFAULT_VIEWS = ("persp", "front", "right", "top")
MAX_VIEWS = 8
# Where Cycles has to draw.
MAX_TRACED_TILE = 512
Draw = Callable[[Shot | None, tuple[int, int]], Any]


@command("set_view")
def set_view(
    control: JobControl, *, target: Name = "all", angle: Angle | None = None, shading: Shading | None = None
) -> dict[str, Any]:
    """Turn the largest 3D viewport to `target`. Through the camera, the camera stays where it is."""
    place = largest_viewport()
    if place is None:
        raise CommandError("set_view: no 3D viewport is open; blender_render_views needs none")
    space = place.area.spaces.active
    view = getattr(place.region, "data", None) or space.region_3d
    bounds = bounds_of("set_view", target)
    if angle == CAMERA:
        _camera("set_view")
        view.view_perspective = "CAMERA"
    elif angle is not None or view.view_perspective != "CAMERA":
        if angle is not None:
            view.view_perspective = "PERSP" if angle == "persp" else "ORTHO"
            view.view_rotation = Euler(ANGLES[angle]).to_quaternion()
        view.view_location = bounds.center
        shortest = min(place.region.width, place.region.height) / max(place.region.width, place.region.height)
        view.view_distance = bounds.radius * 1.2 * space.lens * 2 / VIEWPORT_SENSOR / shortest
    if shading is not None:
        space.shading.type = shading.upper()
    if not bpy.app.background:  # regions are half made there, and it would end Blender
        view.update()
    place.area.tag_redraw()
    return {"success": True, "target": target, "angle": angle, "shading": space.shading.type.lower()}


@command("render_views")
def render_views(
    control: JobControl,
    *,
    views: list[Any] | None = None,
    target: Name = "all",
    max_size: Annotated[int, Limits(128, 4096)] = 1024,
    shading: Shading = "solid",
) -> dict[str, Any]:
    """Return one picture in `image`; `views` tells of each its box [x, y, width, height] from the upper left corner.

    `metres_per_pixel` holds where the middle of the target is, in views other than persp everywhere.
    """
    wanted = _wanted(views or [])
    bounds = bounds_of("render_views", target)
    columns = math.ceil(math.sqrt(len(wanted))) if len(wanted) <= 4 else math.ceil(len(wanted) / 2)
    notes: list[str] = []
    place = None if bpy.app.background else largest_viewport()
    tile = max_size // columns
    if place is None and shading in ("material", "rendered") and tile > MAX_TRACED_TILE:
        tile = MAX_TRACED_TILE
        notes.append("Without a window Cycles draws the views: they are smaller than asked for")
    canvas = Canvas(tile * columns, tile * math.ceil(len(wanted) / columns))
    rows = []
    with tempfile.TemporaryDirectory(prefix="blender-bus-") as folder:
        with _drawing(place, shading, Path(folder)) as draw:
            for number, angle in enumerate(wanted):
                corner = (number % columns * tile, number // columns * tile)
                rows.append(_view(canvas, draw, angle, bounds, corner, tile))
                control.progress(100.0 * (number + 1) / len(wanted), f"{angle} view")
                control.check_cancelled()
        result = _encoded(canvas, Path(folder), notes)
    method = (
        "viewport" if place is not None else "cycles" if shading in ("material", "rendered") else "workbench_render"
    )
    result |= {"views": rows, "target": target, "shading": shading, "method": method}
    return {**result, "note": ". ".join(notes)} if notes else result


def _wanted(views: list[Any]) -> list[str]:
    known = (*ANGLES, CAMERA)
    for view in views:
        if view not in known:
            raise CommandError(f"render_views: views must be of {', '.join(known)}, got {str(view)[:100]!r}")
    if len(views) > MAX_VIEWS:
        raise CommandError(f"render_views: views must be at most {MAX_VIEWS}, got {len(views)}")
    if CAMERA in views:
        _camera("render_views")
    return list(dict.fromkeys(views)) or list(DEFAULT_VIEWS)


def _camera(name: str) -> Any:
    camera = bpy.context.scene.camera
    if camera is None:
        known = [item.name for item in bpy.context.scene.objects if item.type == "CAMERA"]
        told = f"its cameras are: {', '.join(known[:10])}" if known else "it has no camera object"
        raise CommandError(f"{name}: the scene has no active camera to look through; {told}")
    return camera


def _view(canvas: Canvas, draw: Draw, angle: str, bounds: Bounds, corner: tuple[int, int], tile: int) -> dict[str, Any]:
    x, y = corner
    row: dict[str, Any] = {"angle": angle}
    if angle == CAMERA:
        render = bpy.context.scene.render
        across = render.resolution_x * render.pixel_aspect_x / (render.resolution_y * render.pixel_aspect_y)
        size = (tile, max(1, round(tile / across))) if across >= 1 else (max(1, round(tile * across)), tile)
        left, top = x + (tile - size[0]) // 2, y + (tile - size[1]) // 2
        canvas.paste(draw(None, size), left, top)
        matrix, bar = bpy.context.scene.camera.matrix_world, None
        row["box"] = [left, top, *size]
    else:
        made = shot(angle, bounds, tile, tile)
        canvas.paste(draw(made, (tile, tile)), x, y)
        matrix, bar = made.matrix, drawn.scale_bar(made, tile, scene_scale())
        row |= {"box": [x, y, tile, tile], "metres_per_pixel": float(f"{made.unit * scene_scale():.4g}")}
        row["scale_bar"] = bar[1]
    drawn.axes(canvas, matrix, x, y, tile)
    drawn.label(canvas, angle, x, y, tile, bar)
    canvas.box(x, y, tile, 1, (0.0, 0.0, 0.0))
    canvas.box(x, y, 1, tile, (0.0, 0.0, 0.0))
    return row


@contextlib.contextmanager
def _drawing(place: Viewport | None, shading: str, folder: Path) -> Iterator[Draw]:
    """Yield what draws one view."""
    scene = bpy.context.scene
    if place is not None:
        with stage.shaded(place.area.spaces.active, shading):
            yield lambda made, size: stage.draw(place, *_matrices(made, size), size)
        return
    with stage.stage(shading) as (made_scene, camera):

        def draw(made: Shot | None, size: tuple[int, int]) -> Any:
            if made is None:
                made_scene.camera = scene.camera
                if scene.camera.name not in made_scene.objects:
                    made_scene.collection.objects.link(scene.camera)
            picture = stage.render(made_scene, camera, made, size, folder)
            if shading == "wireframe":
                draw_edges(picture, *_matrices(made, size))
            return picture

        yield draw


def _matrices(made: Shot | None, size: tuple[int, int]) -> tuple[Any, Any]:
    """Return where the eye is, and its projection."""
    width, height = size
    if made is None:
        camera = bpy.context.scene.camera
        projection = camera.calc_matrix_camera(bpy.context.evaluated_depsgraph_get(), x=width, y=height)
        return camera.matrix_world.normalized(), projection
    near, far, longest = made.clip_start, made.clip_end, max(width, height)
    if made.is_ortho:
        right, up = (made.ortho_scale / 2 * side / longest for side in size)
        rows = (
            (1 / right, 0.0, 0.0, 0.0),
            (0.0, 1 / up, 0.0, 0.0),
            (0.0, 0.0, -2 / (far - near), -(far + near) / (far - near)),
            (0.0, 0.0, 0.0, 1.0),
        )
    else:
        right, up = (SENSOR / 2 / LENS * side / longest for side in size)
        rows = (
            (1 / right, 0.0, 0.0, 0.0),
            (0.0, 1 / up, 0.0, 0.0),
            (0.0, 0.0, -(far + near) / (far - near), -2 * far * near / (far - near)),
            (0.0, 0.0, -1.0, 0.0),
        )
    return made.matrix, Matrix(rows)


def _encoded(canvas: Canvas, folder: Path, notes: list[str]) -> dict[str, Any]:
    height, width = canvas.pixels.shape[:2]
    image = bpy.data.images.new(stage.NAME, width, height, alpha=False)
    try:
        rows = canvas.pixels[::-1]
        flat = np.ones((height, width, 4), dtype=np.float32)
        flat[:, :, :3] = rows
        image.pixels.foreach_set(flat.ravel())
        return as_result(image, folder, notes)
    finally:
        bpy.data.images.remove(image)
