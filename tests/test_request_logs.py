"""Log messages of a modern request, on its own stream and only if it asks for them (2026-07-28, "Logging")."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from harness.mcp import Answer, ModernClient, login
from harness.peer import Peer
from harness.workerd import Workerd


def logs(answer: Answer) -> list[tuple[str, str, str]]:
    found = [note["params"] for note in answer.notifications if note["method"] == "notifications/message"]
    assert {params["logger"] for params in found} <= {"jobs"}
    return [(params["level"], params["data"]["state"], params["data"]["message"]) for params in found]


async def call_and_answer(client: ModernClient, peer: Peer, status: str = "completed") -> Answer:
    call = asyncio.create_task(client.call("blender_execute_code", code="1"))
    job_id = str((await peer.next_job())["job_id"])
    await peer.update(job_id, status, "done", "broken" if status == "failed" else "")
    return await call


async def test_a_request_that_asks_hears_what_becomes_of_its_job(server: Workerd) -> None:
    token = await login(server.url)
    async with (
        Peer(server.ws_url, token, "b1") as peer,
        ModernClient(f"{server.url}/", token, log_level="debug") as client,
    ):
        answer = await call_and_answer(client, peer)
        heard = logs(answer)
        assert heard[0][:2] == ("debug", "queued") and "b1" in heard[0][2]
        assert heard[-1][:2] == ("info", "completed")
        assert answer.document["result"] == "done"
        failed = await call_and_answer(client, peer, "failed")
        assert logs(failed)[-1][:2] == ("error", "failed")
        data = failed.notifications[-1]["params"]["data"]
        assert (data["command"], data["target_uuid"]) == ("execute_code", "b1")
        assert data["job_id"] == failed.document["job_id"]


async def test_nothing_less_urgent_than_the_level_is_told(server: Workerd) -> None:
    token = await login(server.url)
    async with Peer(server.ws_url, token, "b1") as peer:
        for level, status, levels in (
            ("info", "completed", {"info"}),
            ("error", "failed", {"error"}),
            ("error", "completed", set[str]()),
            ("critical", "failed", set[str]()),
            (None, "failed", set[str]()),
        ):
            async with ModernClient(f"{server.url}/", token, log_level=level) as client:
                answer = await call_and_answer(client, peer, status)
            assert {heard[0] for heard in logs(answer)} == levels, (level, status)


async def test_a_blender_that_leaves_and_comes_back_is_told_of(server: Workerd) -> None:
    token = await login(server.url)
    peer = Peer(server.ws_url, token, "b1")
    await peer.connect()
    async with ModernClient(f"{server.url}/", token, log_level="notice") as client:
        call = asyncio.create_task(client.call("blender_execute_code", code="1"))
        job_id = str((await peer.next_job())["job_id"])
        await asyncio.sleep(0.3)
        await peer.drop()
        await asyncio.sleep(0.3)
        await peer.connect()
        await asyncio.sleep(0.3)
        await peer.update(job_id, "completed", "done")
        heard = logs(await call)
    await peer.close()
    assert [level for level, _, _ in heard] == ["warning", "notice"]


@pytest.mark.parametrize("level", ["loud", "", 3, None, ["debug"]])
async def test_a_level_that_is_none_is_refused(server: Workerd, level: Any) -> None:
    async with ModernClient(f"{server.url}/", await login(server.url)) as client:
        meta = {**client.meta, "io.modelcontextprotocol/logLevel": level}
        answer = await client.request("tools/list", meta=meta)
    assert answer.error["code"] == -32602
    assert "emergency" in answer.error["message"]
