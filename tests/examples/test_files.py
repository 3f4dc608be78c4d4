"""The example of files: a picture into a real Blender, a model and a render out of it, over HTTP."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

from harness.blender import HeadlessBlender
from harness.mcp import ModernClient, login
from harness.workerd import Workerd

from .running import run

WIDTH = 160


def picture(path: Path) -> Path:
    """A PNG of 4 by 4 pixels."""
    rows = b"".join(b"\0" + bytes((200, 100, 50)) * 4 for _ in range(4))
    parts = [(b"IHDR", struct.pack(">2I5B", 4, 4, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in parts)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


async def test_a_picture_goes_in_and_a_model_and_a_render_come_out(server: Workerd, tmp_path: Path) -> None:
    token = await login(server.url)
    out = tmp_path / "out"
    with HeadlessBlender(server.url, tmp_path / "blender", uuid="studio"):
        output = await run(
            "examples/files.py",
            str(picture(tmp_path / "reference.png")),
            *("--url", f"{server.url}/mcp", "--token", token, "--folder", str(out), "--width", str(WIDTH)),
        )
        assert "In the scene: reference.png" in output
        async with ModernClient(f"{server.url}/", token) as client:
            code = "print([item.data.name for item in bpy.data.objects if item.type == 'EMPTY'])"
            told = await client.call("blender_execute_code", code=code)
            assert told.document["result"] == "['reference.png']\n"
    files = {path.suffix: path for path in out.iterdir()}
    assert sorted(files) == [".glb", ".png"], output
    model = files[".glb"].read_bytes()
    assert model[:4] == b"glTF"
    document = json.loads(model[20 : 20 + struct.unpack_from("<I", model, 12)[0]])
    assert "Cube" in [node["name"] for node in document["nodes"]]
    width, height = struct.unpack_from(">II", files[".png"].read_bytes(), 16)
    assert (width, height) == (WIDTH, WIDTH * 1080 // 1920)
    for path in files.values():
        assert f"{path}: {path.stat().st_size} bytes" in output


async def test_without_a_blender_it_says_what_to_do(server: Workerd, tmp_path: Path) -> None:
    token = await login(server.url)
    reference = picture(tmp_path / "a.png")
    output = await run(
        "examples/files.py", str(reference), "--url", f"{server.url}/mcp", "--token", token, status=1, folder=tmp_path
    )
    assert "no_client" in output and "Connect" in output
