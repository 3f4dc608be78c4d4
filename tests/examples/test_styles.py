"""The two styles of clients, on a real Blender: waiting for the answer, and being told of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.blender import HeadlessBlender
from harness.mcp import ModernClient, login
from harness.workerd import Workerd

from .running import run


@pytest.fixture
def blender(server: Workerd, tmp_path: Path) -> Iterator[HeadlessBlender]:
    with HeadlessBlender(server.url, tmp_path / "blender", uuid="studio") as running:
        yield running


async def ephemeral_types(server: Workerd) -> set[str]:
    async with ModernClient(f"{server.url}/", await login(server.url)) as client:
        listed = (await client.call("blender_list_available_clients")).document
    return {one["uuid"].split("-")[0] for one in listed["ephemeral"]}


async def test_style_a_logs_in_and_waits_for_each_answer(server: Workerd, blender: HeadlessBlender) -> None:
    output = await run("examples/style_a.py", server.url)
    assert "Scene 'Scene' has 3 objects" in output
    assert "Suzanne has 507 vertices" in output
    assert "The cube stands at [0.0, 0.0, 0.0]" in output


async def test_style_a_says_what_is_wrong(server: Workerd) -> None:
    assert "refused 'demo'" in await run("examples/style_a.py", server.url, "--password", "no", status=1)
    assert "no_client" in await run("examples/style_a.py", server.url, status=1)
    assert "does not answer" in await run("examples/style_a.py", "http://localhost:1", status=1)


async def test_style_b_is_told_of_the_outcome_and_leaves_nothing_behind(
    server: Workerd, blender: HeadlessBlender
) -> None:
    token = await login(server.url)
    output = await run("examples/style_b.py", f"{server.url}/mcp", "--token", token)
    assert "to studio" in output
    assert "completed: ['Camera', 'Cube', 'Light']" in output
    assert "Unregistered: ok" in output
    assert "style" not in await ephemeral_types(server)


@pytest.mark.parametrize("options", [[], ["--poll"]], ids=["listening", "polling"])
async def test_style_b_needs_no_session(server: Workerd, blender: HeadlessBlender, options: list[str]) -> None:
    token = await login(server.url)
    output = await run("examples/style_b_stateless.py", f"{server.url}/", "--token", token, *options)
    assert "completed: ['Camera', 'Cube', 'Light']" in output
    assert "stateless" not in await ephemeral_types(server)


@pytest.mark.parametrize("script", ["style_b.py", "style_b_stateless.py"])
async def test_style_b_without_a_blender_says_what_to_do(server: Workerd, script: str) -> None:
    path = "/mcp" if script == "style_b.py" else "/"
    output = await run(f"examples/{script}", server.url + path, "--token", await login(server.url), status=1)
    assert "No Blender is connected" in output
