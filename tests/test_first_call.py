"""The whole slice with real parts: FastMCP's client signs in through the browser flow, and a real Blender answers."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from fastmcp import Client
from harness.blender import HeadlessBlender
from harness.workerd import Workerd

BROWSER = Path(__file__).parent / "harness" / "browser.py"
COUNT = "import bpy; print(len(bpy.data.objects))"


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workerd]:
    with Workerd(tmp_path_factory.mktemp("bus")) as running:
        yield running


@pytest.fixture(scope="module")
def blender(bus: Workerd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeadlessBlender]:
    with HeadlessBlender(bus.url, tmp_path_factory.mktemp("blender"), uuid="blender-bpy") as running:
        yield running


@pytest_asyncio.fixture(params=["/mcp", "/"])
async def client(
    request: pytest.FixtureRequest, bus: Workerd, blender: HeadlessBlender, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client[Any]]:
    monkeypatch.setenv("BROWSER", f"{sys.executable} {BROWSER} %s")
    async with Client(f"{bus.url}{request.param}", auth="oauth") as connected:
        yield connected


async def envelope(client: Client[Any], tool: str, /, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    document = result.structured_content
    assert json.loads(result.content[0].text) == document
    return document


async def test_execute_code_returns_what_it_printed(client: Client[Any]) -> None:
    answer = await envelope(client, "blender_execute_code", code=COUNT)
    assert (answer["status"], answer["result"], answer["error"]) == ("completed", "3\n", "")
    assert answer["target_uuid"] == "blender-bpy"


async def test_get_scene_info_names_the_factory_scene(client: Client[Any]) -> None:
    scene = json.loads((await envelope(client, "blender_get_scene_info"))["result"])
    assert {thing["name"] for thing in scene["objects"]} == {"Cube", "Light", "Camera"}
    assert scene["object_count"] == 3


async def test_a_raising_script_fails_with_its_traceback(client: Client[Any]) -> None:
    answer = await envelope(client, "blender_execute_code", code="x = 1\nraise ValueError('boom')")
    assert answer["status"] == "failed"
    assert "ValueError: boom" in answer["error"]
    assert "line 2" in answer["error"]


async def test_a_result_of_30_mb_arrives_as_a_file_and_the_link_lives_on(client: Client[Any]) -> None:
    answer = await envelope(client, "blender_execute_code", code="print('x' * 30_000_000)")
    assert answer["status"] == "completed", answer["error"]
    assert answer["result_file"]["bytes"] == 30_000_001
    assert 0 < len(answer["result"]) <= 65_536
    assert (await envelope(client, "blender_execute_code", code=COUNT))["result"] == "3\n"


async def test_a_screenshot_comes_back_as_an_image(client: Client[Any]) -> None:
    result = await client.call_tool("blender_get_viewport_screenshot", {"max_size": 160})
    answer = result.structured_content
    assert answer["status"] == "completed", answer["error"]
    images = [part for part in result.content if part.type == "image"]
    assert len(images) == 1
    assert base64.b64decode(images[0].data).startswith(b"\x89PNG")
    assert "image" not in json.loads(answer["result"])


async def test_a_command_without_its_integration_fails_honestly(client: Client[Any]) -> None:
    answer = await envelope(client, "blender_search_polyhaven_assets")
    assert answer["status"] == "failed"
    assert answer["error"]


async def test_a_slow_call_streams_and_completes(client: Client[Any]) -> None:
    answer = await envelope(client, "blender_execute_code", code="import time; time.sleep(1); print('done')")
    assert answer["result"] == "done\n"


async def test_a_call_past_its_timeout_says_that_the_job_goes_on(client: Client[Any]) -> None:
    slow = await envelope(
        client, "blender_execute_code", code="import time; time.sleep(1.5); print('late')", _timeout=0.5
    )
    assert (slow["status"], slow["job_state"]) == ("timeout", "running")
    assert slow["waited_seconds"] >= 0.5
    late = (
        await client.call_tool("blender_job_status", {"job_id": slow["job_id"], "wait_seconds": 20})
    ).structured_content
    assert late["status"] == "completed"
    kept = (await client.call_tool("blender_job_result", {"job_id": slow["job_id"]})).structured_content
    assert kept["result"] == "late\n"


async def test_a_blender_killed_at_work_is_disconnected_and_answers_again_when_it_is_back(
    client: Client[Any], blender: HeadlessBlender
) -> None:
    call = asyncio.create_task(envelope(client, "blender_execute_code", code="import time; time.sleep(60)"))
    await asyncio.sleep(1)
    blender.kill()
    started = time.monotonic()
    answer = await call
    assert answer["status"] == "disconnected"
    assert 12 < time.monotonic() - started < 25
    await asyncio.to_thread(blender.start)
    assert (await envelope(client, "blender_execute_code", code=COUNT))["result"] == "3\n"
