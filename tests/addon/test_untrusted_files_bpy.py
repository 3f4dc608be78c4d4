"""What comes as a file and is not what it says, on real Blender."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from carrying import Disk, bring, export, png, scene

pytestmark = pytest.mark.bpy


def test_lies_about_the_type_are_told(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    page = tmp_path / "page"
    page.write_text("<html><script>alert(1)</script></html>")
    picture = tmp_path / "picture"
    picture.write_bytes(png())
    objects = len(bpy.data.objects)
    for name, path, params, told in [
        ("a.png", page, {}, "'a.png' is no png file, which its name says: it begins with b'<html>"),
        ("a.glb", picture, {}, "'a.glb' is no glb file, which its name says: it looks like png"),
        ("a", page, {"mime_type": "image/png"}, "is no png file, which its type image/png says"),
        ("a.png", picture, {"format": "fbx"}, "is no fbx file, which was asked for: it looks like png"),
        ("a", page, {}, "say its format: glb, gltf"),
        ("a.png", picture, {"format": "exe"}, "format must be one of glb"),
        ("a.png", picture, {"format": "sound"}, "cannot be told to be a kind of sound"),
        ("a.png", picture, {"format": "zip"}, "is no zip file"),
    ]:
        outcome = bring(disk, path, name, **params)
        assert outcome.status == "failed" and told in outcome.error, outcome.error
    assert len(bpy.data.objects) == objects


@pytest.mark.parametrize("data", [b"", b"glTF", b"glTF\2\0\0\0\xff\xff\xff\xff\0\0\0\0JSON", b"ply\n" + b"\xff" * 99])
def test_damaged_files_fail_and_bring_nothing(bpy: Any, disk: Disk, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    before = [len(bpy.data.objects), len(bpy.data.meshes), len(bpy.data.images)]
    outcome = bring(disk, path, "x.ply" if data.startswith(b"ply") else "x.glb")
    assert outcome.status == "failed", outcome.result
    assert [len(bpy.data.objects), len(bpy.data.meshes), len(bpy.data.images)] == before


def test_a_picture_that_would_fill_the_memory_is_refused_by_its_head(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(png(60_000, 60_000))
    assert "60000 x 60000 pixels" in bring(disk, path, "x.png").error


def zipped(path: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def test_a_zip_of_a_model_with_its_textures(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    obj = b"mtllib a.mtl\no Tri\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl Red\nf 1 2 3\n"
    members = [("m/a.obj", obj), ("m/a.mtl", b"newmtl Red\nmap_Kd tex/red.png\n"), ("m/tex/red.png", png())]
    path = zipped(tmp_path / "z", *members)
    for params in ({}, {"format": "obj"}):
        told = bring(disk, path, "model.zip", **params).document
        assert told["format"] == "obj" and told["images"] and told["materials"]
        assert bpy.data.images[told["images"][0]].packed_file is not None
    assert "the archive holds no file of the format fbx" in bring(disk, path, "model.zip", format="fbx").error


def test_hostile_archives_are_refused(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    for number, (members, told) in enumerate(
        [
            ([("../../evil.obj", b"v 0 0 0")], "is not a path inside the folder"),
            ([("/etc/evil.obj", b"v 0 0 0")], "is not a path inside the folder"),
            ([("a\\..\\..\\evil.obj", b"v 0 0 0")], "is not a path inside the folder"),
            ([("bomb.obj", bytes(300 * 1_048_576))], "which is too much"),
            ([("readme.txt", b"hello")], "the archive holds no file that can be imported"),
            ([("lie.glb", b"<html>")], "is no glb file"),
        ]
    ):
        outcome = bring(disk, zipped(tmp_path / f"z{number}", *members), "m.zip")
        assert outcome.status == "failed" and told in outcome.error, outcome.error
    broken = tmp_path / "broken"
    broken.write_bytes(b"PK\x03\x04" + b"\xff" * 100)
    assert "cannot be unpacked" in bring(disk, broken, "m.zip").error


def gltf(**parts: Any) -> bytes:
    return json.dumps({"asset": {"version": "2.0"}, **parts}).encode()


@pytest.mark.parametrize(
    "uri", ["/etc/passwd", "../../../../etc/passwd", "file:///etc/passwd", "%2e%2e/%2e%2e/secret.png", "missing.bin"]
)
def test_a_model_cannot_name_files_of_this_computer(bpy: Any, disk: Disk, tmp_path: Path, uri: str) -> None:
    path = tmp_path / "m"
    path.write_bytes(gltf(buffers=[{"uri": uri, "byteLength": 4}]))
    outcome = bring(disk, path, "m.gltf")
    assert outcome.status == "failed"
    assert "is not a path inside" in outcome.error or "did not come along" in outcome.error


def test_pictures_of_this_computer_that_a_material_names_are_not_looked_into(
    bpy: Any, disk: Disk, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(png())
    obj = b"mtllib a.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl Red\nf 1 2 3\n"
    path = zipped(tmp_path / "z", ("a.obj", obj), ("a.mtl", f"newmtl Red\nmap_Kd {secret}\n".encode()))
    told = bring(disk, path, "m.zip").document
    assert told["images"] == [] and "elsewhere on this computer" in told["note"]
    assert not any(image.name.startswith("secret") for image in bpy.data.images)


def test_an_svg_with_entities_is_refused(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text('<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg><text>&b;</text></svg>')
    assert "declares entities" in bring(disk, path, "x.svg").error


def test_scripts_of_an_uploaded_blend_never_run(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    bpy.context.preferences.filepaths.use_scripts_auto_execute = True
    cube = bpy.data.objects["Cube"]
    curve = cube.driver_add("location", 0)
    curve.driver.expression = f"__import__('pathlib').Path({str(ran)!r}).touch() or 1.0"
    cube.driver_add("location", 1).driver.expression = "frame * 2"
    text = bpy.data.texts.new("startup.py")
    text.from_string(f"open({str(ran)!r}, 'w')")
    text.use_module = True
    cube["script"] = text
    path, name, _ = export(disk, format="blend", names=["Cube"])
    bpy.ops.wm.read_factory_settings()
    bpy.context.preferences.filepaths.use_scripts_auto_execute = True
    ran.unlink(missing_ok=True)
    told = bring(disk, path, name).document
    bpy.context.scene.frame_set(5)
    bpy.context.view_layer.update()
    assert not ran.exists()
    assert "drivers with Python were left out" in told["note"]
    assert bpy.data.objects[told["objects"][0]].location.y == 10
    assert not any(item.use_module for item in bpy.data.texts)
    assert bpy.context.preferences.filepaths.use_scripts_auto_execute
    bpy.context.preferences.filepaths.use_scripts_auto_execute = False


def test_a_list_of_addresses_does_not_pass_for_a_sound(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "s"
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/x.mp3\n#EXT-X-ENDLIST\n"
    tag = b"ID3\4\0\0\0\0\0\x0a" + bytes(10)
    for data in (
        tag + playlist,
        tag + tag + playlist,
        tag + bytes(300) + playlist,
        b"ID3\4\0\x10\0\0\0\0" + bytes(10) + playlist,
    ):
        path.write_bytes(data)
        outcome = bring(disk, path, "a.mp3")
        assert outcome.status == "failed" and "no sound after them" in outcome.error, outcome.error
    path.write_bytes(tag + tag + bytes(100) + b"\xff\xfb\x90\x64" + bytes(2000))
    assert "no sound after them" not in bring(disk, path, "a.mp3").error


def test_a_texture_elsewhere_that_an_fbx_names_is_left_out(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    scene(bpy)
    bpy.data.images["wood"].filepath = str(tmp_path / "home/secret.png")
    (tmp_path / "home/secret.png").write_bytes(png())
    place = Path(bpy.utils.user_resource("DATAFILES", path="blender_bus/imports", create=True)) / "a/files"
    place.mkdir(parents=True)
    try:
        for mode in ("RELATIVE", "ABSOLUTE"):
            # As it is seen from the folder of an upload.
            bpy.ops.export_scene.fbx(filepath=str(place / f"{mode}.fbx"), path_mode=mode, embed_textures=False)
            (place / f"{mode}.fbx").rename(tmp_path / f"{mode}.fbx")
    finally:
        shutil.rmtree(place.parent)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    for mode in ("RELATIVE", "ABSOLUTE"):
        told = bring(disk, tmp_path / f"{mode}.fbx", "a.fbx").document
        assert "Light" in str(told["objects"])
        assert not [image for image in bpy.data.images if image.size[0]], told
        assert "elsewhere on this computer" in told["note"] or "Not among the files that came" in told["note"]
