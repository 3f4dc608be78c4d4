"""The view a screenshot shows, and the two ways to draw it: GPU offscreen with a window, a Workbench render without."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy
from mathutils import Matrix

from .frame import camera_frame, draw_frame
from .place import largest_viewport, override
from .quiet import quiet
from .registry import CommandError

# Blender's viewport shows a field of view as if the sensor were this wide (mm): 36 mm, twice as wide as a camera's.
VIEWPORT_SENSOR = 72.0
# Blender's own, which draw wherever they are asked to.
DRAWING_ENGINES = ("BLENDER_EEVEE", "BLENDER_EEVEE_NEXT", "BLENDER_WORKBENCH")
FALLBACK_SIZE = (1280, 720)


@dataclass(slots=True)
class View:
    """A 3D viewport, or what stands for one. `space` and `region` are None where the file has none at all."""

    window: Any
    area: Any
    region: Any
    space: Any
    width: int
    height: int
    has_window: bool
    notes: list[str] = field(default_factory=list)

    @property
    def region_3d(self) -> Any:
        """Return where the region looks from: of a quad view, each has its own."""
        if self.space is None:
            return None
        return getattr(self.region, "data", None) or self.space.region_3d


def current_view() -> View:
    """Return the largest 3D viewport that is shown; without a window, the one the file was saved with."""
    place = largest_viewport()
    if place is None:
        note = "No 3D viewport is open: the scene's camera, or a view of everything, was rendered with Workbench"
        return View(None, None, None, None, *FALLBACK_SIZE, False, [note])
    windowed = not bpy.app.background
    notes = [] if windowed else ["Blender runs without a window: the view was rendered with Workbench"]
    region = place.region
    space = place.area.spaces.active
    return View(place.window, place.area, region, space, region.width, region.height, windowed, notes)


def draw_with_gpu(view: View, width: int, height: int, folder: Path) -> Any:
    """Draw the viewport as it is, shading and overlays included, into an image."""
    import gpu

    region_3d = view.region_3d
    with _drawable(view), override(window=view.window, area=view.area, region=view.region):
        offscreen = gpu.types.GPUOffScreen(width, height)
        try:
            offscreen.draw_view3d(
                bpy.context.scene,
                bpy.context.view_layer,
                view.space,
                view.region,
                region_3d.view_matrix,
                region_3d.window_matrix,
                do_color_management=True,
            )
            with offscreen.bind():
                buffer = gpu.state.active_framebuffer_get().read_color(0, 0, width, height, 4, 0, "FLOAT")
        finally:
            offscreen.free()
    buffer.dimensions = width * height * 4
    image = bpy.data.images.new("blender-bus-screenshot", width, height, alpha=False)
    image.pixels.foreach_set(buffer)
    if region_3d.view_perspective == "CAMERA":
        _show_frame(image, region_3d)
    return image


def _show_frame(image: Any, region_3d: Any) -> None:
    """Show in a picture of a camera's view how much of it the camera renders."""
    scene = bpy.context.scene
    frame = camera_frame(scene, region_3d.window_matrix @ region_3d.view_matrix)
    if frame is not None:
        data = scene.camera.data
        draw_frame(image, frame, data.passepartout_alpha if data.show_passepartout else 0.0)


@contextlib.contextmanager
def _drawable(view: View) -> Iterator[None]:
    """Have the viewport shaded by an engine that can draw into an image: Cycles and other add-ons' draw no objects."""
    import gpu

    shading, engine = view.space.shading, bpy.context.scene.render.engine
    if shading.type != "RENDERED" or engine in DRAWING_ENGINES:
        yield
        return
    # Where the processor draws, Material Preview takes minutes.
    slow = gpu.platform.device_type_get() == "SOFTWARE"
    shading.type = "SOLID" if slow else "MATERIAL"
    before = shading.use_scene_lights, shading.use_scene_world
    shading.use_scene_lights = shading.use_scene_world = True
    instead = "Solid shading" if slow else "Material Preview with the scene's lights and world"
    view.notes.append(
        f"The viewport is rendered by {engine.title()}, which draws into the window only: the picture shows {instead} "
        "instead. blender_render renders the scene"
    )
    try:
        yield
    finally:
        shading.use_scene_lights, shading.use_scene_world = before
        shading.type = "RENDERED"


def render_with_workbench(view: View, width: int, height: int, folder: Path) -> Any:
    """Render what the view shows, in a scene of its own so that nothing of the user's is touched."""
    with _stage(view, width, height) as stage:
        image = rendered(stage, folder / "render.png", "get_viewport_screenshot")
    # Reading a pixel loads the file, which is gone before long; it also sets file_format, so it must come first.
    _ = image.pixels[0]
    return image


def rendered(scene: Any, path: Path, command: str) -> Any:
    """Render a scene into a file, and return it as an image. `command` is who says so where nothing comes of it.

    A scene of its own has a result of its own: the user's last render stays what it is.
    """
    path.unlink(missing_ok=True)
    scene.render.filepath = os.fspath(path)
    try:
        with quiet():
            bpy.ops.render.render(scene=scene.name, write_still=True)
    except RuntimeError as error:
        raise CommandError(f"{command}: this Blender cannot render here: {error}") from None
    if not path.is_file():
        raise CommandError(f"{command}: nothing was rendered; is another render running?")
    return bpy.data.images.load(os.fspath(path))


@contextlib.contextmanager
def _stage(view: View, width: int, height: int) -> Iterator[Any]:
    """Yield a temporary scene with the visible objects and a camera that sees what the view sees."""
    source, layer = bpy.context.scene, bpy.context.view_layer
    # Removed objects leave gaps in the layer, and moved ones their old matrices, until it is updated.
    layer.update()
    stage = bpy.data.scenes.new("blender-bus-screenshot")
    camera_data = bpy.data.cameras.new("blender-bus-screenshot")
    camera = bpy.data.objects.new("blender-bus-screenshot", camera_data)
    try:
        # All are asked before any is linked: each link makes Blender work out anew what is visible.
        for item in [item for item in layer.objects if item.visible_get()]:
            stage.collection.objects.link(item)
        stage.collection.objects.link(camera)
        with quiet():
            stage.frame_set(source.frame_current)
        stage.world = source.world
        set_up_render(stage, source, width, height)
        _aim(stage, camera, view, source)
        yield stage
    finally:
        bpy.data.scenes.remove(stage)
        bpy.data.objects.remove(camera)
        bpy.data.cameras.remove(camera_data)


def set_up_render(stage: Any, source: Any, width: int, height: int) -> None:
    render = stage.render
    render.engine = "BLENDER_WORKBENCH"
    render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
    render.image_settings.file_format = "PNG"
    render.image_settings.color_mode = "RGB"
    render.use_file_extension = False
    # Dithering is noise that no compression can shrink.
    render.dither_intensity = 0.0
    stage.view_settings.view_transform = "Standard"
    # One pass in place of eight: without a window there is often no GPU either.
    stage.display.render_aa = "FXAA"
    shading = stage.display.shading
    shading.light, shading.color_type = "STUDIO", "MATERIAL"
    shading.show_shadows = False


def _aim(stage: Any, camera: Any, view: View, source: Any) -> None:
    stage.camera = camera
    region_3d = view.region_3d
    through_camera = source.camera is not None and (region_3d is None or region_3d.view_perspective == "CAMERA")
    if through_camera:
        _copy_camera(camera, source.camera)
    elif region_3d is not None:
        _copy_view(camera, view, region_3d)
    else:
        _see_everything(stage, camera)


def _copy_camera(camera: Any, original: Any) -> None:
    camera.matrix_world = original.matrix_world
    if original.type == "CAMERA":
        camera.data = original.data


def _copy_view(camera: Any, view: View, region_3d: Any) -> None:
    turn = region_3d.view_rotation.to_matrix().to_4x4()
    away = Matrix.Translation((0.0, 0.0, region_3d.view_distance))
    camera.matrix_world = Matrix.Translation(region_3d.view_location) @ turn @ away
    data = camera.data
    data.clip_start, data.clip_end = view.space.clip_start, view.space.clip_end
    data.sensor_width, data.lens = VIEWPORT_SENSOR, view.space.lens
    if region_3d.view_perspective == "ORTHO":
        data.type = "ORTHO"
        data.ortho_scale = region_3d.view_distance * VIEWPORT_SENSOR / view.space.lens


def _see_everything(stage: Any, camera: Any) -> None:
    camera.rotation_euler = (1.1, 0.0, 0.8)
    camera.data.clip_start, camera.data.clip_end = 0.1, 100_000.0
    layer = stage.view_layers[0]
    layer.update()
    corners = [
        coordinate
        for item in stage.objects
        if item is not camera
        for corner in item.bound_box
        for coordinate in item.matrix_world @ _vector(corner)
    ]
    if corners:
        camera.location, _ = camera.camera_fit_coords(layer.depsgraph, corners)


def _vector(corner: Any) -> Any:
    return Matrix.Translation(corner).to_translation()
