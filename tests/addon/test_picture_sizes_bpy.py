"""How many pixels a picture has is read from its head, on real Blender: what Blender writes, and what lies."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from carrying import Disk, bring, png

from addon.commands.files.pixels import NoSize, size_of

pytestmark = pytest.mark.bpy

FORMATS = ("PNG", "BMP", "JPEG", "JPEG2000", "TARGA", "TARGA_RAW", "IRIS", "TIFF", "WEBP", "OPEN_EXR", "HDR", "DPX")
BIG = 60_000


def written(bpy: Any, path: Path, format: str, depth: str) -> bytes | None:
    settings = bpy.context.scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    try:
        settings.file_format = format
        settings.color_depth = depth
    except TypeError:
        return None
    image = bpy.data.images.new("x", 370, 210, float_buffer=depth != "8")
    image.save_render(str(path))
    return path.read_bytes()


def test_the_head_says_what_blender_reads(bpy: Any, tmp_path: Path) -> None:
    count = 0
    for format in FORMATS:
        for depth in ("8", "16", "32"):
            data = written(bpy, tmp_path / format, format, depth)
            if data is None:
                continue
            count += 1
            size = size_of(io.BytesIO(data))
            loaded = bpy.data.images.load(str(tmp_path / format))
            assert (size.width, size.height) == (370, 210), format
            assert list(loaded.size) in ([370, 210], [0, 0]) and (size.depth == 16 or not loaded.is_float), format
            with pytest.raises(NoSize):
                size_of(io.BytesIO(data[:6]))
    assert count >= 12


def changed(data: bytes, format: str) -> bytes:
    """The same picture, whose head says that it has 60,000 pixels a side."""
    for order in "<>":
        for letter in "HI":
            for sides in ((370, 210), (210, 370)):
                old = struct.pack(f"{order}2{letter}", *sides)
                data = data.replace(old, struct.pack(f"{order}2{letter}", BIG, BIG), 1)
    if format == "OPEN_EXR":
        return data.replace(struct.pack("<4i", 0, 0, 369, 209), struct.pack("<4i", 0, 0, BIG, BIG))
    if format == "HDR":
        return data.replace(b"-Y 210 +X 370", b"-Y 60000 +X 60000")
    if format == "TIFF":
        for tag, side in ((256, 370), (257, 210)):
            for kind in (3, 4):
                old = struct.pack("<HHII", tag, kind, 1, side)
                data = data.replace(old, struct.pack("<HHII", tag, kind, 1, BIG))
    return data


@pytest.mark.parametrize(
    ("format", "name"),
    [("JPEG", "x.jpg"), ("BMP", "x.bmp"), ("OPEN_EXR", "x.exr"), ("HDR", "x.hdr"), ("TIFF", "x.tif"), ("PNG", "x.png")],
)
def test_a_picture_that_would_fill_the_memory_is_refused(
    bpy: Any, disk: Disk, tmp_path: Path, format: str, name: str
) -> None:
    data = next(filter(None, (written(bpy, tmp_path / "x", format, depth) for depth in ("8", "16", "32"))))
    assert bring(disk, tmp_path / "x", name).status == "completed"
    (tmp_path / "x").write_bytes(changed(data, format))
    outcome = bring(disk, tmp_path / "x", name)
    assert outcome.status == "failed" and "pixels, more than is taken" in outcome.error, outcome.error


def test_a_webp_of_any_kind_says_its_size() -> None:
    def webp(kind: bytes, body: bytes) -> bytes:
        return b"RIFF\0\0\0\0WEBP" + kind + b"\0\0\0\0" + body + bytes(40)

    def size(data: bytes) -> tuple[int, int]:
        found = size_of(io.BytesIO(data))
        return found.width, found.height

    assert size(webp(b"VP8X", bytes(4) + (16_383).to_bytes(3, "little") * 2)) == (16_384, 16_384)
    assert size(webp(b"VP8L", b"\x2f" + struct.pack("<I", 16_382 | 9_999 << 14))) == (16_383, 10_000)
    assert size(webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 300, 200))) == (300, 200)


def test_a_jpeg_with_much_before_its_frame_says_its_size() -> None:
    frame = b"\xff\xc2\0\x0b\x08" + struct.pack(">HH", 200, 300) + bytes(6)
    for before in (b"", b"\xff\xe2\xff\xfe" + b"\xff\xc0" * 32_766, b"xx", b"\xff\xff\xff", b"\xff\x01"):
        size = size_of(io.BytesIO(b"\xff\xd8" + before + frame))
        assert (size.width, size.height) == (300, 200), before[:4]
    with pytest.raises(NoSize):
        size_of(io.BytesIO(b"\xff\xd8" + b"x" * 5_000_000 + frame))


def test_textures_of_a_model_are_held_to_it_too(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    """As a file of a zip, packed in a .blend, and in a glb."""
    obj = b"mtllib a.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl Red\nf 1 2 3\n"
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        for name, data in [("a.obj", obj), ("a.mtl", b"newmtl Red\nmap_Kd b.png\n"), ("b.png", png(BIG, BIG))]:
            archive.writestr(name, data)
    image = bpy.data.images.new("big", 8, 8)
    image.pack(data=png(BIG, BIG), data_len=len(png()))
    image.source = "FILE"
    shading = bpy.data.objects["Cube"].data.materials[0].node_tree
    shading.nodes.new("ShaderNodeTexImage").image = image
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "b.blend"), copy=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    (tmp_path / "c.glb").write_bytes(glb(png(BIG, BIG)))
    for file, name in [("z", "a.zip"), ("b.blend", "b.blend"), ("c.glb", "c.glb")]:
        told = bring(disk, tmp_path / file, name).document
        assert told["images"] == [] and "have more pixels than are taken" in told["note"], told
        assert told["objects"]


def glb(picture: bytes) -> bytes:
    points = struct.pack("<9f", 0, 0, 0, 1, 0, 0, 0, 1, 0)
    body = points + picture + bytes(-len(picture) % 4)
    views = [{"buffer": 0, "byteLength": 36}, {"buffer": 0, "byteOffset": 36, "byteLength": len(picture)}]
    document = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "Tri"}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "material": 0}]}],
        "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
        "textures": [{"source": 0}],
        "images": [{"bufferView": 1, "mimeType": "image/png"}],
        "accessors": [
            {
                "bufferView": 0,
                "componentType": 5126,
                "count": 3,
                "type": "VEC3",
                "min": [0, 0, 0],
                "max": [1, 1, 0],
            }
        ],
        "bufferViews": views,
        "buffers": [{"byteLength": len(body)}],
    }
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    size = 28 + len(text) + len(body)
    head = struct.pack("<4sIII4s", b"glTF", 2, size, len(text), b"JSON")
    return head + text + struct.pack("<I4s", len(body), b"BIN\0") + body
