"""Files between real Blenders through the built Worker: a model out of one and into another, pictures, long results."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from harness.blender import HeadlessBlender
from harness.mcp import ModernClient, login
from harness.workerd import Workerd

from .shelf import sha256

MAKER, TAKER = "blender-maker", "blender-taker"
MAKE = """
import bpy
bpy.ops.mesh.primitive_torus_add(major_segments=24, minor_segments=12)
ring = bpy.context.active_object
ring.name = "Ring"
gold = bpy.data.materials.new("Gold")
ring.data.materials.append(gold)
"""
COUNT = """
import bpy
ring = bpy.data.objects["Ring"]
corners = {tuple(round(x, 4) for x in ring.matrix_world @ v.co) for v in ring.data.vertices}
print(len(corners), sum(len(p.vertices) - 2 for p in ring.data.polygons), [m.name for m in ring.data.materials])
"""


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workerd]:
    with Workerd(tmp_path_factory.mktemp("bus")) as running:
        yield running


@pytest_asyncio.fixture
async def client(bus: Workerd, tmp_path: Path) -> AsyncIterator[ModernClient]:
    with (
        HeadlessBlender(bus.url, tmp_path / "maker", uuid=MAKER, version="4.2"),
        HeadlessBlender(bus.url, tmp_path / "taker", uuid=TAKER, version="5.0"),
    ):
        async with ModernClient(f"{bus.url}/", await login(bus.url), timeout=120) as client:
            yield client


async def ask(client: ModernClient, command: str, target: str, **params: Any) -> dict[str, Any]:
    """The envelope of a command that has completed."""
    answer = (await client.call(f"blender_{command}", target_uuid=target, **params)).document
    assert (answer["status"], answer["error"]) == ("completed", ""), answer
    assert isinstance(answer, dict)
    return answer


async def fetched(url: str) -> httpx.Response:
    answer = await asyncio.to_thread(httpx.get, url)
    assert answer.status_code == 200, answer.text
    return answer


async def test_a_model_goes_from_one_blender_to_another_with_its_material(client: ModernClient) -> None:
    await ask(client, "execute_code", MAKER, code=MAKE)
    before = (await ask(client, "execute_code", MAKER, code=COUNT))["result"]
    exported = await ask(client, "export_file", MAKER, format="glb", names=["Ring"])
    file = json.loads(exported["result"])["file"]
    [told] = exported["files"]
    assert told["file_id"] == file["file_id"]
    got = await fetched(told["url"])
    assert got.content.startswith(b"glTF") and sha256(got.content) == file["sha256"]
    imported = json.loads((await ask(client, "import_file", TAKER, file_id=file["file_id"]))["result"])
    assert imported["objects"] == ["Ring"]
    assert (await ask(client, "execute_code", TAKER, code=COUNT))["result"] == before


async def test_a_render_arrives_at_full_size(client: ModernClient) -> None:
    wanted = {"engine": "workbench", "width": 640, "height": 360}
    rendered = await ask(client, "render", MAKER, **wanted)
    [file] = rendered["files"]
    got = await fetched(file["url"])
    assert got.content.startswith(b"\x89PNG")
    assert [int.from_bytes(got.content[at : at + 4], "big") for at in (16, 20)] == [640, 360]
    assert got.headers["content-disposition"].startswith("attachment")


async def test_three_megabytes_of_output_arrive_as_a_file(client: ModernClient) -> None:
    code = "for number in range(300_000):\n    print(f'{number:09d}')"
    told = await ask(client, "execute_code", MAKER, code=code)
    whole = "".join(f"{number:09d}\n" for number in range(300_000))
    assert told["result"] == whole[: len(told["result"])] and 0 < len(told["result"]) <= 65_536
    assert told["result_file"]["bytes"] == 3_000_000
    assert "3000000 bytes" in told["hint"] and told["result_file"]["file_id"] in told["hint"]
    assert (await fetched(told["result_file"]["url"])).text == whole
