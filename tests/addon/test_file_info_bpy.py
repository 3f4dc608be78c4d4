"""get_file_info on real Blender: what is unsaved, missing, linked, packed or unused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from running import run

pytestmark = pytest.mark.bpy


def info() -> dict[str, Any]:
    document: dict[str, Any] = run("get_file_info").document
    return document


def test_a_file_that_was_never_saved(bpy: Any) -> None:
    document = info()
    assert (document["filepath"], document["is_saved"], document["size_bytes"]) == ("", False, None)
    assert document["written_by"] is None
    assert document["blender_version"] == bpy.app.version_string
    assert document["missing_files"] == document["libraries"] == document["packed"] == []
    assert document["render"]["resolution"] == [1920, 1080]
    assert document["render"]["camera"] == "Camera"
    assert document["units"] == {"system": "METRIC", "length": "METERS", "scale_length": 1.0}


def test_a_saved_file_tells_its_size_and_the_version_that_wrote_it(bpy: Any, tmp_path: Path) -> None:
    path = tmp_path / "a file.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    document = info()
    assert (document["filepath"], document["is_saved"]) == (str(path), True)
    assert document["size_bytes"] == path.stat().st_size
    assert bpy.app.version_string.startswith(document["written_by"])


def test_external_files_are_missing_absolute_or_packed(bpy: Any, tmp_path: Path) -> None:
    picture = bpy.data.images.new("picture", 4, 4)
    picture.filepath_raw, picture.file_format = str(tmp_path / "there.png"), "PNG"
    picture.save()
    bpy.data.images.remove(picture)
    there = bpy.data.images.load(str(tmp_path / "there.png"))
    gone = bpy.data.images.load(str(tmp_path / "there.png"))
    gone.name, gone.filepath = "gone", "//nowhere/gone.png"
    packed = bpy.data.images.load(str(tmp_path / "there.png"))
    packed.name = "packed"
    packed.pack()
    tiles = bpy.data.images.new("tiles", 4, 4)
    tiles.source, tiles.filepath = "TILED", str(tmp_path / "t.<UDIM>.png")
    (tmp_path / "bad.png").write_bytes(b"this is no picture")
    bpy.data.images.load(str(tmp_path / "bad.png"))
    document = info()
    assert [row["name"] for row in document["missing_files"]] == ["gone", "tiles"]
    assert document["missing_files"][0] == {"kind": "image", "name": "gone", "path": "//nowhere/gone.png"}
    assert {row["name"] for row in document["absolute_files"]} == {there.name, "tiles", "bad.png"}
    [row] = document["packed"]
    assert (row["name"], row["bytes"]) == ("packed", (tmp_path / "there.png").stat().st_size)
    (tmp_path / "t.1001.png").write_bytes(b"")
    assert [row["name"] for row in info()["missing_files"]] == ["gone"]


def linked_twice(bpy: Any, folder: Path) -> None:
    bpy.data.objects["Cube"].name = "Part"
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "part.blend"))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(folder / "part.blend"), link=True) as (_, wanted):
        wanted.objects = ["Part"]
    whole = bpy.data.collections.new("Whole")
    bpy.context.scene.collection.children.link(whole)
    whole.objects.link(wanted.objects[0])
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "whole.blend"))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(folder / "whole.blend"), link=True) as (_, wanted):
        wanted.collections = ["Whole"]
    bpy.context.scene.collection.children.link(wanted.collections[0])
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "top.blend"))


def test_libraries_tell_who_links_them_and_what_is_missing(bpy: Any, tmp_path: Path) -> None:
    linked_twice(bpy, tmp_path)
    (tmp_path / "part.blend").rename(tmp_path / "elsewhere.blend")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "top.blend"))
    document = info()
    found = {row["name"]: row for row in document["libraries"]}
    part, whole = found["part.blend"], found["whole.blend"]
    assert (part["missing"], part["indirect"], part["linked_by"]) == (True, True, ["whole.blend"])
    assert (whole["missing"], whole["indirect"], whole["linked_by"]) == (False, False, [])
    assert whole["users"] >= 1
    assert {"type": "Object", "name": "Part", "library": "//part.blend"} in document["missing_data"]
    library = [row["name"] for row in document["missing_files"] if row["kind"] == "library"]
    assert library == ["part.blend"]
    tree = run("get_scene_tree").document["tree"]
    assert tree["children"][0]["library"] == "//whole.blend"


def test_orphans_are_counted_and_settings_are_those_of_the_scene(bpy: Any) -> None:
    before = info()["orphans"].get("materials", 0)
    bpy.data.meshes.new("nobody's")
    bpy.data.materials.new("kept").use_fake_user = True
    bpy.data.materials.new("nobody's")
    scene = bpy.context.scene
    scene.render.resolution_percentage, scene.render.fps, scene.render.fps_base = 50, 30, 1.001
    scene.frame_start, scene.frame_end = 5, 7
    scene.camera = None
    document = info()
    assert {"meshes": 1, "materials": before + 1}.items() <= document["orphans"].items()
    assert document["render"]["resolution"] == [960, 540]
    assert document["render"]["fps"] == pytest.approx(29.97, abs=0.001)
    assert (document["render"]["frame_start"], document["render"]["frame_end"]) == (5, 7)
    assert document["render"]["camera"] is None


def test_lists_are_bounded_and_counted(bpy: Any) -> None:
    for number in range(300):
        image = bpy.data.images.new(f"{number}", 1, 1)
        image.source, image.filepath = "FILE", f"/no/{'long' * 50}/{number}.png"
    document = info()
    assert (len(document["missing_files"]), document["counts"]["missing_files"]) == (100, 300)
