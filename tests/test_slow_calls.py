"""Calls that take their time: progress on the request's own stream, and giving up."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from fastmcp import Client
from harness.mcp import LegacySession, ModernClient, login
from harness.peer import Peer
from harness.workerd import Workerd


def peer(server: Workerd, token: str) -> Peer:
    return Peer(f"{server.url.replace('http', 'ws', 1)}/ws", token, "b1")


async def work(attached: Peer) -> None:
    """Answers one job after a while, reporting how far it is."""
    job_id = str((await attached.next_job())["job_id"])
    for percent in (0, 10, 10, 55.5, 90):
        await asyncio.sleep(0.15)
        await attached.progress(job_id, percent, f"at {percent}")
    await asyncio.sleep(0.15)
    await attached.update(job_id, "completed", "done")


async def test_progress_reaches_the_client_that_asked_for_it(server: Workerd) -> None:
    token = await login(server.url)
    for path in ("/", "/mcp"):
        reports: list[tuple[float, float | None, str | None]] = []

        async def note(progress: float, total: float | None, message: str | None, seen: Any = reports) -> None:
            seen.append((progress, total, message))

        async with peer(server, token) as attached, Client(f"{server.url}{path}", auth=token) as client:
            working = asyncio.create_task(work(attached))
            result = await client.call_tool("blender_execute_code", {"code": "1"}, progress_handler=note)
            await working
        assert result.structured_content is not None
        assert result.structured_content["result"] == "done"
        assert reports == [(0, 100, "at 0"), (10, 100, "at 10"), (55, 100, "at 55.5"), (90, 100, "at 90")]


async def test_a_slow_call_opens_its_stream_with_a_comment_and_sends_the_answer_as_one_event(server: Workerd) -> None:
    token = await login(server.url)
    async with peer(server, token) as attached, ModernClient(f"{server.url}/", token) as client:
        working = asyncio.create_task(work(attached))
        answer = await client.call("blender_execute_code", code="1")
        await working
    assert answer.streamed
    assert answer.document["result"] == "done"


async def test_cancelling_a_request_of_a_session_asks_the_blender_to_stop(server: Workerd) -> None:
    token = await login(server.url)
    async with peer(server, token) as attached, LegacySession(f"{server.url}/mcp", token) as session:
        params = {"name": "blender_execute_code", "arguments": {"code": "1"}}
        call = asyncio.create_task(session.request("tools/call", params, request_id="call-1"))
        job_id = str((await attached.next_job())["job_id"])
        await session.notify("notifications/cancelled", {"requestId": "call-1"})
        async with asyncio.timeout(5):
            while job_id not in attached.cancelled:
                await asyncio.sleep(0.01)
        await attached.update(job_id, "cancelled")
        assert (await call).document["status"] == "cancelled"


async def test_closing_the_stream_of_a_modern_request_cancels_it(server: Workerd) -> None:
    token = await login(server.url)
    async with peer(server, token) as attached, ModernClient(f"{server.url}/", token) as client:
        call = asyncio.create_task(client.call("blender_execute_code", code="1"))
        job_id = str((await attached.next_job())["job_id"])
        await asyncio.sleep(0.6)
        call.cancel()
        async with asyncio.timeout(20):
            while job_id not in attached.cancelled:
                await asyncio.sleep(0.01)
        await attached.update(job_id, "cancelled")
        status = (await client.call("blender_job_status", job_id=job_id)).document
        assert status["status"] == "cancelled"


async def test_a_legacy_client_that_goes_away_cancels_nothing(server: Workerd) -> None:
    token = await login(server.url)
    async with peer(server, token) as attached, LegacySession(f"{server.url}/mcp", token) as session:
        call = asyncio.create_task(session.call("blender_execute_code", code="1"))
        job_id = str((await attached.next_job())["job_id"])
        await asyncio.sleep(0.6)
        call.cancel()
        await asyncio.sleep(1)
        await attached.update(job_id, "completed", "all the same")
        kept = (await session.call("blender_job_result", job_id=job_id)).document
        assert kept["result"] == "all the same"
        assert attached.cancelled == []


async def test_a_screenshot_becomes_image_content_and_leaves_the_text(server: Workerd) -> None:
    token = await login(server.url)
    shot = {"success": True, "width": 1, "height": 1, "image": {"mime_type": "image/png", "data": "iVBORw0KGgo="}}
    async with peer(server, token) as attached, ModernClient(f"{server.url}/", token) as client:
        call = asyncio.create_task(client.call("blender_get_viewport_screenshot"))
        job_id = str((await attached.next_job())["job_id"])
        await attached.update(job_id, "completed", json.dumps(shot))
        content = (await call).result["content"]
    assert content[1] == {"type": "image", "data": "iVBORw0KGgo=", "mimeType": "image/png"}
    assert json.loads(json.loads(content[0]["text"])["result"]) == {"success": True, "width": 1, "height": 1}
