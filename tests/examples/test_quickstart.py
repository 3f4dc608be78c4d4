"""The first two examples: the stand-in for a Blender, and the question to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from harness.mcp import login
from harness.workerd import Workerd

from .running import started

PEER_LINES = ["[peer] Connected as blender-demo01", "[peer] register_client ok", "[peer] waiting for jobs..."]


@asynccontextmanager
async def fake_peer(server: Workerd, *options: str) -> AsyncIterator[list[str]]:
    """The stand-in peer, once it waits for jobs; its lines so far."""
    script = "examples/fake_blender_peer.py"
    async with started(script, "--server", server.url, "--uuid", "blender-demo01", *options) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while PEER_LINES[-1] not in lines:
            line = await asyncio.wait_for(process.stdout.readline(), 20)
            assert line, lines
            lines.append(line.decode().rstrip())
        yield lines


async def test_the_fake_peer_says_where_it_stands(server: Workerd) -> None:
    async with fake_peer(server) as lines:
        assert [line for line in lines if line in PEER_LINES] == PEER_LINES


@pytest.mark.parametrize("by_token", [False, True], ids=["browser", "token"])
async def test_quickstart_prints_the_scene_of_the_connected_blender(server: Workerd, by_token: bool) -> None:
    token = await login(server.url)
    options = ["--token", token] if by_token else []
    async with (
        fake_peer(server, "--token", token),
        started("examples/quickstart.py", f"{server.url}/mcp", *options) as quickstart,
    ):
        output, _ = await asyncio.wait_for(quickstart.communicate(), 60)
    assert quickstart.returncode == 0, output.decode()
    for name in ("Cube (MESH)", "Light (LIGHT)", "Camera (CAMERA)", "Blender counted:"):
        assert name in output.decode()


async def test_quickstart_without_a_blender_says_what_to_do(server: Workerd) -> None:
    token = await login(server.url)
    async with started("examples/quickstart.py", f"{server.url}/mcp", "--token", token) as quickstart:
        output, _ = await asyncio.wait_for(quickstart.communicate(), 60)
    assert quickstart.returncode == 1
    assert "no_client" in output.decode()
    assert "Connect" in output.decode()
