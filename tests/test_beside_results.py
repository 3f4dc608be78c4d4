"""What a Blender tells beside a result, from its code through the real Worker to the caller."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from harness.blender import HeadlessBlender
from harness.mcp import ModernClient, login
from harness.workerd import Workerd


@pytest_asyncio.fixture
async def client(tmp_path: Path) -> AsyncIterator[ModernClient]:
    with Workerd(tmp_path / "bus") as bus, HeadlessBlender(bus.url, tmp_path / "home", uuid="blender-1"):
        async with ModernClient(f"{bus.url}/", await login(bus.url), timeout=60) as client:
            yield client


async def test_the_envelope_tells_stderr_value_and_changes(client: ModernClient) -> None:
    code = "import sys\nprint('warned', file=sys.stderr)\nbpy.data.objects['Cube'].location.x = 3\n40 + 2"
    answer: dict[str, Any] = (await client.call("blender_execute_code", code=code)).document
    assert (answer["status"], answer["result"], answer["value"], answer["stderr"]) == (
        "completed",
        "42",
        "42",
        "warned\n",
    )
    assert answer["changes"]["moved"] == [{"type": "object", "name": "Cube"}]
    kept = (await client.call("blender_job_result", job_id=answer["job_id"])).document
    assert (kept["changes"], kept["stderr"]) == (answer["changes"], "warned\n")


async def test_names_live_on_and_changes_are_left_out_when_asked(client: ModernClient) -> None:
    await client.call("blender_execute_code", code="x = 20", keep_names=True)
    answer = (await client.call("blender_execute_code", code="x + 1", keep_names=True, changes=False)).document
    assert answer["result"] == "21"
    assert "changes" not in answer
    forgotten = (await client.call("blender_execute_code", code="x")).document
    assert (forgotten["status"], "NameError" in forgotten["error"]) == ("failed", True)


async def test_a_deadline_ends_the_code(client: ModernClient) -> None:
    answer = (await client.call("blender_execute_code", code="while True: pass", deadline=0.5)).document
    assert answer["status"] == "cancelled"
    assert "deadline of 0.5 s" in answer["error"]
