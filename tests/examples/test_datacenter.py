"""The datacenter, built in a real Blender through the bus."""

from __future__ import annotations

from pathlib import Path

from harness.blender import HeadlessBlender
from harness.mcp import ModernClient, login
from harness.workerd import Workerd

from .datacenter_facts import check_the_picture, check_the_scene
from .running import run

WIDTH = 320


async def test_the_datacenter_stands_as_ordered_and_is_to_be_seen(server: Workerd, tmp_path: Path) -> None:
    token = await login(server.url)
    picture = tmp_path / "datacenter.jpg"
    command = ["examples/datacenter.py", f"{server.url}/mcp", "--token", token, "--output", str(picture)]
    small = ["--width", str(WIDTH), "--samples", "8"]
    with HeadlessBlender(server.url, tmp_path / "blender", uuid="studio"):
        for _ in range(2):  # again, it replaces what it built
            output = await run(*command, *small)
            assert "The scene 'Datacenter' has 6 objects" in output
            async with ModernClient(f"{server.url}/", token) as client:
                await check_the_scene(client)
                kept = await client.call("blender_execute_code", code="print(len(bpy.data.scenes['Scene'].objects))")
                assert kept.document["result"] == "3\n", "the scene that was open is as it was"
            check_the_picture(picture, WIDTH)


async def test_without_a_blender_the_datacenter_says_what_to_do(server: Workerd, tmp_path: Path) -> None:
    output = await run("examples/datacenter.py", f"{server.url}/mcp", "--token", await login(server.url), status=1)
    assert "no_client" in output
    assert "Connect" in output
