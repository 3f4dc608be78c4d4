"""Draw views: in a scene of its own without a window, by the viewport's own drawing with one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...place import Viewport, override
from ...quiet import quiet
from ...view import rendered, set_up_render
from ..objects import is_visible
from .shots import LENS, SENSOR, Shot

NAME = "blender-bus-views"
SAMPLES = 16
_LIGHTS = frozenset({"LIGHT", "LIGHT_PROBE"})


@contextlib.contextmanager
def stage(shading: str) -> Iterator[tuple[Any, Any]]:
    """Yield a temporary scene with the visible objects, and its camera."""
    source, layer = bpy.context.scene, bpy.context.view_layer
    layer.update()
    made = bpy.data.scenes.new(NAME)
    data = bpy.data.cameras.new(NAME)
    camera = bpy.data.objects.new(NAME, data)
    world = bpy.data.worlds.new(NAME)
    world.color = (0.6, 0.6, 0.6)
    try:
        # All are asked before any is linked: each link makes Blender work out anew what is visible.
        for item in [item for item in layer.objects if is_visible(item)]:
            if shading == "rendered" or item.type not in _LIGHTS:
                made.collection.objects.link(item)
        made.collection.objects.link(camera)
        made.camera = camera
        with quiet():
            made.frame_set(source.frame_current)
        made.world = source.world if shading == "rendered" else world
        data.sensor_width, data.lens = SENSOR, LENS
        set_up_render(made, source, 64, 64)
        _shade(made, source, shading)
        yield made, camera
    finally:
        bpy.data.scenes.remove(made)
        bpy.data.objects.remove(camera)
        bpy.data.cameras.remove(data)
        bpy.data.worlds.remove(world)


def _shade(made: Any, source: Any, shading: str) -> None:
    look = made.display.shading
    look.show_cavity = look.show_object_outline = True
    if shading == "wireframe":
        look.type = "WIREFRAME"
    if shading in ("material", "rendered"):
        made.render.engine = "CYCLES"
        made.cycles.samples, made.cycles.use_denoising = SAMPLES, False
        made.cycles.max_bounces = 4
        made.view_settings.view_transform = source.view_settings.view_transform


def render(made: Any, camera: Any, shot: Shot | None, size: tuple[int, int], folder: Path) -> Any:
    """Return the pixels of a view of the stage, the uppermost row first. Without a shot, through the scene's camera."""
    made.render.resolution_x, made.render.resolution_y = size
    if shot is not None:
        made.camera = camera
        camera.matrix_world = shot.matrix
        camera.data.type = "ORTHO" if shot.is_ortho else "PERSP"
        camera.data.ortho_scale = shot.ortho_scale or 1.0
        camera.data.clip_start, camera.data.clip_end = shot.clip_start, shot.clip_end
    image = rendered(made, folder / "view.png", "render_views")
    try:
        return pixels_of(image)
    finally:
        bpy.data.images.remove(image)


def pixels_of(image: Any) -> Any:
    """Return the pixels of an image, the uppermost row first."""
    width, height = image.size
    flat = np.empty(width * height * 4, dtype=np.float32)
    image.pixels.foreach_get(flat)
    return flat.reshape(height, width, 4)[::-1].copy()


@contextlib.contextmanager
def shaded(space: Any, shading: str) -> Iterator[None]:
    """Give a viewport another shading, without overlays, for as long as it is drawn from."""
    before = space.shading.type, space.overlay.show_overlays, space.show_gizmo
    space.shading.type = {"solid": "SOLID", "material": "MATERIAL", "rendered": "RENDERED"}.get(shading, "WIREFRAME")
    space.overlay.show_overlays = space.show_gizmo = False
    try:
        yield
    finally:
        space.shading.type, space.overlay.show_overlays, space.show_gizmo = before


def draw(place: Viewport, eye: Any, projection: Any, size: tuple[int, int]) -> Any:
    """Return the pixels of a view that the viewport draws, the uppermost row first. Its own view stays as it is."""
    import gpu

    width, height = size
    space = place.area.spaces.active
    with override(window=place.window, area=place.area, region=place.region):
        offscreen = gpu.types.GPUOffScreen(width, height)
        try:
            offscreen.draw_view3d(
                bpy.context.scene,
                bpy.context.view_layer,
                space,
                place.region,
                eye.inverted(),
                projection,
                do_color_management=True,
            )
            with offscreen.bind():
                buffer = gpu.state.active_framebuffer_get().read_color(0, 0, width, height, 4, 0, "FLOAT")
        finally:
            offscreen.free()
    buffer.dimensions = width * height * 4
    return np.array(buffer, dtype=np.float32).reshape(height, width, 4)[::-1]
