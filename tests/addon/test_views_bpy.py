"""render_views and set_view on real Blender: what is in the pictures, and that nothing else is touched."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running import run

pytestmark = pytest.mark.bpy

Pixels = Callable[[dict[str, Any]], Any]


@pytest.fixture
def pixels(bpy: Any, tmp_path: Path) -> Pixels:
    """Reads the picture of a document: rows from the uppermost, brightness from 0 to 1."""
    import numpy as np

    def read(document: dict[str, Any]) -> Any:
        path = tmp_path / "picture"
        path.write_bytes(base64.b64decode(document["image"]["data"], validate=True))
        image = bpy.data.images.load(str(path))
        values = np.array(image.pixels[:]).reshape(image.size[1], image.size[0], 4)[::-1, :, :3]
        bpy.data.images.remove(image)
        return values.mean(axis=2)

    return read


def extent(values: Any, box: list[int]) -> tuple[int, int]:
    """How many pixels wide and high what is in the middle of a view is, left of its border and words."""
    x, y, width, height = box
    view = values[y : y + height, x : x + width]
    middle = view[height // 2 - 2 : height // 2 + 2, 2:-2]
    column = view[2:-2, width // 2 - 2 : width // 2 + 2]
    background = view[height // 4, width - 6]
    return int((abs(middle - background) > 0.08).any(axis=0).sum()), int(
        (abs(column - background) > 0.08).any(axis=1).sum()
    )


def test_four_views_in_one_picture_with_true_scales(bpy: Any, pixels: Pixels) -> None:
    cube = bpy.data.objects["Cube"]
    cube.dimensions = (2, 4, 1)
    document = run("render_views", max_size=512, target="Cube").document
    assert [view["angle"] for view in document["views"]] == ["persp", "front", "right", "top"]
    assert [view["box"] for view in document["views"]] == [
        [0, 0, 256, 256], [256, 0, 256, 256], [0, 256, 256, 256], [256, 256, 256, 256]
    ]  # fmt: skip
    values = pixels(document)
    assert values.shape == (512, 512)
    for view, size in zip(document["views"][1:], [(2, 1), (4, 1), (2, 4)], strict=True):
        seen = extent(values, view["box"])
        for pixels_seen, metres in zip(seen, size, strict=True):
            assert pixels_seen * view["metres_per_pixel"] == pytest.approx(metres, rel=0.06), view


def test_every_angle_and_the_camera_in_the_shape_of_its_picture(bpy: Any) -> None:
    bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y = 400, 800
    angles = ["persp", "front", "back", "left", "right", "top", "bottom", "camera"]
    document = run("render_views", views=angles, max_size=400).document
    assert (document["width"], document["height"]) == (400, 200)
    assert [view["angle"] for view in document["views"]] == angles
    assert document["views"][-1]["box"] == [325, 100, 50, 100]


def test_left_is_not_right_and_back_is_not_front(bpy: Any, pixels: Pixels) -> None:
    run("execute_code", code="bpy.ops.mesh.primitive_cube_add(size=0.5, location=(3, 1.5, 0))")
    document = run("render_views", views=["front", "back"], max_size=512).document
    values = pixels(document)
    sides = []
    for view in document["views"]:
        x, y, width, height = view["box"]
        row = values[y + height // 2, x + 4 : x + width - 4]
        dark = abs(row - row[0]) > 0.05
        sides.append(dark[: width // 2].sum() > dark[width // 2 :].sum())
    # The large cube is to the left of the small one from the front, to the right from behind.
    assert sides == [True, False]


@pytest.mark.parametrize("shading", ["wireframe", "material", "rendered"])
def test_other_shadings_show_the_cube(bpy: Any, pixels: Pixels, shading: str) -> None:
    document = run("render_views", views=["persp"], max_size=128, shading=shading).document
    values = pixels(document)
    assert values[40:90, 40:90].std() > 0.01
    assert document["shading"] == shading


def test_nothing_of_the_file_and_of_the_view_is_changed(bpy: Any) -> None:
    area = next(area for area in bpy.context.window.screen.areas if area.type == "VIEW_3D")

    def state() -> Any:
        space = area.spaces.active
        counts = {name: len(getattr(bpy.data, name)) for name in ("scenes", "cameras", "images", "objects", "worlds")}
        users = {item.name: item.users for item in bpy.data.objects}
        view = [list(row) for row in space.region_3d.view_matrix], space.shading.type, space.overlay.show_overlays
        camera = [list(row) for row in bpy.data.objects["Camera"].matrix_world]
        return counts, users, view, camera, bpy.context.scene.render.engine, bpy.context.scene.name

    before = state()
    run("render_views", views=["persp", "camera"], max_size=128)
    run("render_views", views=["top"], max_size=128, shading="rendered")
    assert state() == before


def test_broken_objects_do_not_spoil_the_picture(bpy: Any) -> None:
    lost = bpy.data.objects.new("lost", bpy.data.objects["Cube"].data)
    lost.location = (float("nan"), 0, 0)
    bpy.context.collection.objects.link(lost)
    document = run("render_views", views=["front"], max_size=128).document
    assert document["views"][0]["metres_per_pixel"] < 0.1
    assert "no finite place" in run("render_views", target="lost").error
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    assert run("render_views", views=["top"], max_size=128).status == "completed"


def test_set_view_turns_the_viewport_and_tells_it(bpy: Any) -> None:
    area = next(area for area in bpy.context.window.screen.areas if area.type == "VIEW_3D")
    space = area.spaces.active
    bpy.data.objects["Cube"].location = (10, 20, 30)
    told = run("set_view", target="Cube", angle="top", shading="wireframe").document
    assert told == {"success": True, "target": "Cube", "angle": "top", "shading": "wireframe"}
    view = space.region_3d
    assert (list(view.view_location), view.view_perspective, space.shading.type) == ([10, 20, 30], "ORTHO", "WIREFRAME")
    assert run("set_view", angle="camera").document["angle"] == "camera"
    assert view.view_perspective == "CAMERA"
    run("set_view", shading="solid")
    assert (view.view_perspective, space.shading.type) == ("CAMERA", "SOLID")
    run("set_view", target="selected", angle="persp")
    assert view.view_perspective == "PERSP"


@pytest.mark.parametrize("command", ["set_view", "render_views"])
def test_what_cannot_be_looked_at_is_named(bpy: Any, command: str) -> None:
    assert "no object 'Cub' to look at; target may be all, selected or: Cube" in run(command, target="Cub").error
    bpy.data.objects["Cube"].select_set(False)
    assert "nothing is selected" in run(command, target="selected").error
    bpy.context.scene.camera = None
    camera = {"angle": "camera"} if command == "set_view" else {"views": ["camera"]}
    assert "no active camera to look through; its cameras are: Camera" in run(command, **camera).error


@pytest.mark.parametrize(
    ("command", "params", "told"),
    [
        ("set_view", {"angle": "up"}, "angle must be one of persp, front"),
        ("set_view", {"shading": "flat"}, "shading must be one of solid"),
        ("render_views", {"views": ["up"]}, "views must be of persp, front, back"),
        ("render_views", {"views": ["top"] * 9}, "views must be at most 8, got 9"),
        ("render_views", {"views": [1]}, "views must be of"),
        ("render_views", {"max_size": 127}, "max_size must be an integer of 128 to 4096"),
        ("render_views", {"target": ""}, "target must be a string of 1 to 1024 characters"),
    ],
)
def test_bad_input_is_named(bpy: Any, command: str, params: dict[str, Any], told: str) -> None:
    outcome = run(command, **params)
    assert outcome.status == "failed"
    assert told in outcome.error


def test_without_a_viewport_set_view_says_so(bpy: Any) -> None:
    for area in bpy.context.window.screen.areas:
        if area.type == "VIEW_3D":
            area.type = "INFO"
    assert "no 3D viewport is open" in run("set_view").error
    assert run("render_views", max_size=128, views=["front"]).status == "completed"
