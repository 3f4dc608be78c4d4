"""get_viewport_screenshot without a window: a Workbench render of the same view, and nothing else changed."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from running import run

pytestmark = pytest.mark.bpy


def pixels(bpy: Any, document: dict[str, Any], tmp_path: Path) -> tuple[int, int, list[float]]:
    path = tmp_path / "picture"
    path.write_bytes(base64.b64decode(document["image"]["data"], validate=True))
    image = bpy.data.images.load(str(path))
    try:
        return image.size[0], image.size[1], list(image.pixels)
    finally:
        bpy.data.images.remove(image)


def brightness(width: int, values: list[float], x: int, y: int) -> float:
    start = (y * width + x) * 4
    return sum(values[start : start + 3]) / 3


def test_picture_shows_the_cube_in_the_middle_of_the_view(bpy: Any, tmp_path: Path) -> None:
    document = run("get_viewport_screenshot", max_size=200).document
    assert document["method"] == "workbench_render"
    assert "without a window" in document["note"]
    assert document["filepath"] is None
    assert document["image"]["mime_type"] == "image/png"
    width, height, values = pixels(bpy, document, tmp_path)
    assert (width, height) == (document["width"], document["height"])
    assert max(width, height) == 200
    middle = brightness(width, values, width // 2, height // 2)
    corner = brightness(width, values, 2, 2)
    assert middle > corner + 0.1


def test_picture_follows_the_view(bpy: Any, tmp_path: Path) -> None:
    area = next(area for area in bpy.context.window.screen.areas if area.type == "VIEW_3D")
    area.spaces.active.region_3d.view_location = (50, 50, 50)
    width, height, values = pixels(bpy, run("get_viewport_screenshot", max_size=100).document, tmp_path)
    assert brightness(width, values, width // 2, height // 2) == pytest.approx(
        brightness(width, values, 2, 2), abs=0.02
    )


@pytest.mark.parametrize("perspective", ["ORTHO", "CAMERA"])
def test_orthographic_and_camera_views_show_the_cube(bpy: Any, tmp_path: Path, perspective: str) -> None:
    area = next(area for area in bpy.context.window.screen.areas if area.type == "VIEW_3D")
    area.spaces.active.region_3d.view_perspective = perspective
    width, height, values = pixels(bpy, run("get_viewport_screenshot", max_size=100).document, tmp_path)
    assert brightness(width, values, width // 2, height // 2) > brightness(width, values, 2, 2) + 0.05


def test_hidden_objects_are_not_shown(bpy: Any, tmp_path: Path) -> None:
    bpy.data.objects["Cube"].hide_set(True)
    width, height, values = pixels(bpy, run("get_viewport_screenshot", max_size=100).document, tmp_path)
    assert brightness(width, values, width // 2, height // 2) == pytest.approx(
        brightness(width, values, 2, 2), abs=0.02
    )


def test_without_any_viewport_everything_is_shown(bpy: Any, tmp_path: Path) -> None:
    for area in bpy.context.window.screen.areas:
        if area.type == "VIEW_3D":
            area.type = "INFO"
    for name in ("Camera", "Light"):
        bpy.data.objects.remove(bpy.data.objects[name])
    bpy.data.objects["Cube"].location = (100, 200, 300)
    document = run("get_viewport_screenshot", max_size=100).document
    assert "No 3D viewport is open" in document["note"]
    width, height, values = pixels(bpy, document, tmp_path)
    assert brightness(width, values, width // 2, height // 2) > brightness(width, values, 0, 0) + 0.05


def test_nothing_of_the_file_is_changed(bpy: Any) -> None:
    def state() -> dict[str, Any]:
        render = bpy.context.scene.render
        sizes = {name: len(getattr(bpy.data, name)) for name in ("scenes", "cameras", "images", "objects", "worlds")}
        users = {item.name: item.users for item in bpy.data.objects}
        settings = (render.engine, render.filepath, render.resolution_x, bpy.context.scene.camera.name)
        return {**sizes, **users, "settings": settings, "scene": bpy.context.scene.name}

    before = state()
    run("get_viewport_screenshot")
    assert state() == before


def test_jpeg_is_sent_when_asked(bpy: Any) -> None:
    document = run("get_viewport_screenshot", format="jpg", max_size=100).document
    assert document["image"]["mime_type"] == "image/jpeg"
    assert base64.b64decode(document["image"]["data"])[:3] == b"\xff\xd8\xff"


def test_file_is_kept_when_asked_only(bpy: Any, tmp_path: Path) -> None:
    kept = tmp_path / "kept.png"
    document = run("get_viewport_screenshot", filepath=str(kept), max_size=64).document
    assert document["filepath"] == str(kept)
    assert kept.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert kept.read_bytes() == base64.b64decode(document["image"]["data"])


def test_picture_that_is_too_large_is_re_encoded_and_shrunk_until_it_fits(
    bpy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from addon.commands import viewport

    whole = run("get_viewport_screenshot", max_size=800).document
    size = len(base64.b64decode(whole["image"]["data"]))
    monkeypatch.setattr(viewport, "MAX_IMAGE_BYTES", size // 4)
    document = run("get_viewport_screenshot", max_size=800).document
    assert len(base64.b64decode(document["image"]["data"])) <= size // 4
    assert document["image"]["mime_type"] == "image/jpeg"
    assert document["width"] < whole["width"]
    assert "sent as JPEG" in document["note"]


def test_noisy_picture_at_native_size_stays_under_one_mebibyte(bpy: Any) -> None:
    import random

    mesh = bpy.data.meshes.new("dust")
    mesh.from_pydata(
        [(random.uniform(-9, 9), random.uniform(-9, 9), 0) for _ in range(12_000)],
        [],
        [(3 * i, 3 * i + 1, 3 * i + 2) for i in range(4_000)],
    )
    for _ in range(4):
        material = bpy.data.materials.new("m")
        material.diffuse_color = (random.random(), random.random(), random.random(), 1)
        mesh.materials.append(material)
    for index, polygon in enumerate(mesh.polygons):
        polygon.material_index = index % 4
    bpy.context.collection.objects.link(bpy.data.objects.new("dust", mesh))
    outcome = run("get_viewport_screenshot", max_size=0)
    assert len(outcome.result.encode()) <= 1_048_576
    assert json.loads(outcome.result)["width"] > 800


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"max_size": -1}, "max_size must be an integer"),
        ({"format": "exr"}, "format must be one of png, jpg"),
        ({"filepath": "relative.png"}, "absolute path"),
        ({"filepath": "/no/such/folder/x.png"}, "existing folder"),
        ({"filepath": "/"}, "existing folder"),
        ({"filepath": "/a\0b.png"}, "absolute path"),
        ({"filepath": "/proc/x.png"}, "cannot write"),
    ],
)
def test_wrong_parameters_are_clear_errors(bpy: Any, params: dict[str, Any], told: str) -> None:
    outcome = run("get_viewport_screenshot", **params)
    assert outcome.status == "failed"
    assert told in outcome.error
    assert "Traceback" not in outcome.error


def test_the_frame_of_a_camera_is_where_it_renders(bpy: Any) -> None:
    from mathutils import Matrix

    from addon.commands.frame import camera_frame, draw_frame

    scene, camera = bpy.context.scene, bpy.context.scene.camera
    depsgraph = bpy.context.evaluated_depsgraph_get()
    own = camera.calc_matrix_camera(depsgraph, x=1920, y=1080) @ camera.matrix_world.normalized().inverted()
    assert camera_frame(scene, own) == pytest.approx((0.0, 0.0, 1.0, 1.0), abs=1e-3)
    # A view in which the frame takes half of the width and of the height, as between bars.
    half = Matrix.Diagonal((0.5, 0.5, 1.0, 1.0)) @ own
    frame = camera_frame(scene, half)
    assert frame == pytest.approx((0.25, 0.25, 0.75, 0.75), abs=1e-3)
    image = bpy.data.images.new("white", 40, 20)
    image.pixels[:] = [0.8] * (40 * 20 * 4)
    draw_frame(image, frame, 0.5)
    values = list(image.pixels)
    assert brightness(40, values, 20, 10) == pytest.approx(0.8, abs=0.01)
    assert brightness(40, values, 2, 10) == pytest.approx(0.4, abs=0.01)
    assert brightness(40, values, 10, 10) == pytest.approx(0.9, abs=0.01)
    scene.camera = bpy.data.objects["Light"]
    assert camera_frame(scene, own) is None
    scene.camera = None
    assert camera_frame(scene, own) is None


@pytest.mark.parametrize(
    "load",
    [
        "bpy.ops.wm.read_homefile()",
        "bpy.ops.wm.read_homefile(use_empty=True)",
        "bpy.ops.wm.read_factory_settings()",
        "bpy.ops.wm.save_as_mainfile(filepath={0!r})\nbpy.ops.wm.open_mainfile(filepath={0!r})",
        "bpy.ops.wm.save_as_mainfile(filepath={0!r})\nbpy.ops.wm.revert_mainfile()",
    ],
)
def test_a_blender_whose_code_has_loaded_a_file_goes_on_making_pictures(bpy: Any, load: str, tmp_path: Path) -> None:
    assert run("execute_code", code=load.format(str(tmp_path / "a.blend"))).status == "completed"
    # Without a window Blender 4.2 ends in each of these.
    assert bpy.context.window is not None
    scenes = "bpy.data.scenes.remove(bpy.data.scenes.new('b'))\nprint(len(bpy.data.scenes))"
    for picture in ("get_viewport_screenshot", "render_views"):
        outcome = run(picture, max_size=128)
        assert outcome.status == "completed", outcome.error
    assert run("execute_code", code=scenes).result == "1\n"


def test_a_file_that_is_loaded_in_the_console_closes_it_and_leaves_a_window(bpy: Any) -> None:
    loads = "print('before')\nbpy.ops.wm.read_homefile()"
    typed = run("console_operations", operation="execute", params={"code": loads})
    assert typed.document["message"].startswith("before\nExecuted; the code closed this console")
    cut = run("console_operations", operation="execute", params={"code": f"{loads}\nprint('never')"})
    assert cut.status == "failed" and "what comes after was not typed" in cut.error
    assert bpy.context.window is not None
    assert run("get_viewport_screenshot", max_size=128).status == "completed"
