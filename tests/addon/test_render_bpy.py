"""render on real Blender: a second one renders a copy, and nothing of this one is touched."""

from __future__ import annotations

import base64
import hashlib
import os
import time
from pathlib import Path
from typing import Any

import pytest
from running import run

from addon.link.queue.main_thread import MainThreadQueue
from addon.link.records import Job

pytestmark = pytest.mark.bpy


def settings(bpy: Any) -> list[Any]:
    scene = bpy.context.scene
    own = scene.render
    looks = own.engine, own.filepath, own.resolution_x, own.image_settings.file_format, own.film_transparent
    return [*looks, scene.camera.name, scene.frame_current, scene.cycles.samples, len(bpy.data.images)]


def test_a_still_of_the_unsaved_scene_and_everything_stays_as_it_is(bpy: Any) -> None:
    bpy.data.objects["Cube"].location.x = 0.5
    before = settings(bpy)
    document = run("render", engine="cycles", width=64, samples=2).document
    assert settings(bpy) == before
    assert (document["width"], document["height"], document["engine"], document["camera"]) == (
        64,
        36,
        "CYCLES",
        "Camera",
    )
    [row] = document["frames"]
    assert row["frame"] == 1
    assert Path(row["file"]).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert document["image"]["mime_type"] == "image/png"
    assert len(base64.b64decode(document["image"]["data"])) > 500
    assert document["seconds"] > 0


def test_a_range_from_another_camera_in_another_format(bpy: Any) -> None:
    above = bpy.data.objects.new("Above", bpy.data.cameras.new("Above"))
    above.location = (0, 0, 9)
    bpy.context.collection.objects.link(above)
    params = {"camera": "Above", "engine": "workbench", "width": 48, "height": 48, "format": "exr", "transparent": True}
    document = run("render", frame=3, frame_end=5, **params).document
    assert [row["frame"] for row in document["frames"]] == [3, 4, 5]
    for row in document["frames"]:
        assert Path(row["file"]).read_bytes()[:4] == b"\x76\x2f\x31\x01"
    image = bpy.data.images.load(document["frames"][0]["file"])
    corner, middle = image.pixels[3], image.pixels[(24 * 48 + 24) * 4 + 3]
    assert corner < 0.01 and middle > 0.99


def test_the_open_file_is_told_so_that_renders_of_it_can_be_compared(bpy: Any, tmp_path: Path) -> None:
    params = {"engine": "workbench", "width": 16}
    assert run("render", **params).document["blend"] == {"name": ""}
    saved = tmp_path / "shot.blend"
    bpy.ops.wm.save_as_mainfile(filepath=os.fspath(saved))
    content = saved.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert run("render", **params).document["blend"] == {"name": "shot.blend", "bytes": len(content), "sha256": digest}
    saved.unlink()
    assert run("render", **params).document["blend"] == {"name": "shot.blend (missing)"}


def test_a_region_is_that_part_of_the_whole_picture(bpy: Any) -> None:
    params = {"engine": "workbench", "width": 80, "height": 40}
    whole = bpy.data.images.load(run("render", **params).document["frames"][0]["file"])
    told = run("render", region=[0.25, 0.0, 0.75, 0.5], **params).document
    part = bpy.data.images.load(told["frames"][0]["file"])
    assert (told["region"], tuple(part.size)) == ([0.25, 0.0, 0.75, 0.5], (40, 20))
    # Blender counts rows from below: this is the upper half.
    rows = list(whole.pixels)
    cut = [value for row in range(20, 40) for value in rows[(row * 80 + 20) * 4 : (row * 80 + 60) * 4]]
    assert max(abs(a - b) for a, b in zip(cut, part.pixels, strict=True)) < 0.1
    assert bpy.context.scene.render.use_border is False


def test_a_file_set_to_a_gpu_that_is_not_there_is_rendered_by_the_processor(bpy: Any) -> None:
    bpy.context.scene.cycles.device = "GPU"
    assert len(run("render", engine="cycles", width=32, samples=1).document["frames"]) == 1


def test_nodes_that_write_files_write_none_of_the_artists(bpy: Any, tmp_path: Path) -> None:
    scene = bpy.context.scene
    if hasattr(scene, "compositing_node_group"):
        tree = scene.compositing_node_group = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
    else:
        scene.use_nodes = True
        tree = scene.node_tree
    node = tree.nodes.new("CompositorNodeOutputFile")
    setattr(node, "directory" if hasattr(node, "directory") else "base_path", str(tmp_path))
    layers = tree.nodes.new("CompositorNodeRLayers")
    if not node.inputs or node.inputs[0].name == "":
        node.file_output_items.new("RGBA", "Image")
    tree.links.new(layers.outputs[0], node.inputs[0])
    document = run("render", engine="workbench", width=32, height=32).document
    assert Path(document["frames"][0]["file"]).is_file()
    assert list(tmp_path.iterdir()) == []
    assert not node.mute, "that of the open file is as it was"


def test_others_run_during_a_render_and_a_cancel_ends_it_at_once(bpy: Any) -> None:
    from addon.commands import registry

    answers: dict[str, tuple[Any, ...]] = {}
    reports: list[tuple[float, str]] = []
    queue = MainThreadQueue(
        registry.run,
        lambda job_id, *answer: answers.update({job_id: answer}),
        lambda job_id, percent, message: reports.append((percent, message)),
    )
    slow = {"engine": "cycles", "width": 1600, "height": 1200, "samples": 20_000}
    queue.submit(Job("j-slow", "render", slow))
    until = time.monotonic() + 60
    while not any("sample" in message for _, message in reports) and time.monotonic() < until:
        queue.wait(0.05) and queue.drain()
    assert any("sample" in message for _, message in reports), reports[-3:]
    queue.submit(Job("j-quick", "get_scene_info", {}))
    while "j-quick" not in answers and time.monotonic() < until:
        queue.wait(0.05) and queue.drain()
    assert answers["j-quick"][0] == "completed" and "j-slow" not in answers
    children = _children()
    assert len(children) == 1
    queue.cancel("j-slow")
    while "j-slow" not in answers and time.monotonic() < until:
        queue.wait(0.05) and queue.drain()
    assert answers["j-slow"][0] == "cancelled"
    assert _children() == []
    assert run("render", engine="workbench", width=16).status == "completed"


def _children() -> list[str]:
    path = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    return path.read_text().split()


def test_old_renders_are_let_go(bpy: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from addon.commands.seeing.rendering import store

    monkeypatch.setattr(store, "MAX_COUNT", 3)
    made = [store.new_folder(f"j-{number}") for number in range(5)]
    assert len({*made}) == 5
    kept = [folder for folder in made if folder.is_dir()]
    assert len(kept) <= 3 and made[-1] in kept


def test_a_copy_that_cannot_be_rendered_says_why(bpy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from addon.commands.seeing.rendering import child

    monkeypatch.setitem(child.FORMATS, "png", "no such format")
    run("execute_code", code="bpy.context.scene.render.use_border = True")
    assert run("render", engine="workbench", width=16).status == "completed", "the second Blender reads its own file"
    from addon.commands.seeing import render

    monkeypatch.setattr(render, "MIN_FREE_BYTES", 1 << 60)
    assert "is full" in run("render", width=16).error
    monkeypatch.setattr(render, "new_folder", lambda job_id: (_ for _ in ()).throw(OSError("read-only file system")))
    assert "no place for the files: read-only file system" in run("render", width=16).error


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"camera": "Cam"}, "'Cam' is not in the scene; the scene has: Camera"),
        ({"camera": "Cube"}, "'Cube' is no camera; the scene has: Camera"),
        ({"engine": "luxcore"}, "engine must be one of cycles, eevee, workbench"),
        ({"frame": 5, "frame_end": 4}, "frame_end must be at least the first frame, 5, got 4"),
        ({"frame": 1, "frame_end": 1_000_000}, "frame_end must be at most 2000: one call renders 2000 frames at most"),
        ({"region": [0, 0, 1]}, "region must be [left, top, right, bottom]"),
        ({"region": [0.5, 0, 0.5, 1]}, "left before right"),
        ({"region": [0, 0, 2, 1]}, "each from 0 to 1"),
        ({"width": 3}, "width must be an integer of 4 to 16384"),
        ({"samples": 0}, "samples must be an integer of 1 to 65536"),
        ({"format": "gif"}, "format must be one of png, jpg, exr"),
        ({"height": 16_384}, "the picture would have 29127 x 16384 pixels"),
    ],
)
def test_bad_input_is_named(bpy: Any, params: dict[str, Any], told: str) -> None:
    outcome = run("render", **params)
    assert outcome.status == "failed"
    assert told in outcome.error


def test_without_a_camera_it_says_what_there_is(bpy: Any) -> None:
    bpy.context.scene.camera = None
    assert "no active camera; name one as camera; the scene has: Camera" in run("render").error
    bpy.data.objects.remove(bpy.data.objects["Camera"])
    assert "the scene has no camera; add one first" in run("render").error
