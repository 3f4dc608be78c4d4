"""Endings that nobody reports, on the real runtime: peers that return, restart, never took a job or lack `job_ack`."""

from __future__ import annotations

import asyncio

from harness.mcp import LegacySession, ModernClient, login
from harness.peer import Peer
from harness.workerd import Workerd


async def status_of(client: ModernClient, job_id: str) -> dict[str, object]:
    return (await client.call("blender_job_status", job_id=job_id)).document


async def submit(client: ModernClient, uuid: str = "b1") -> str:
    answer = await client.call("blender_submit", command="execute_code", params={"code": "1"}, target_uuid=uuid)
    return str(answer.document["job_id"])


async def test_a_plain_peer_that_returns_to_queued_jobs_gets_them_all(server: Workerd) -> None:
    token = await login(server.url)
    async with ModernClient(f"{server.url}/", token) as client:
        async with Peer(server.ws_url, token, "b1", acknowledge=False):
            pass
        jobs = [await submit(client) for _ in range(40)]
        server.restart()
        async with Peer(server.ws_url, token, "b1", handler=lambda job: "done", acknowledge=False):
            for job_id in jobs:
                assert (await client.until_ended(job_id))["status"] == "completed"
    assert "datatype mismatch" not in server.log_text()


async def test_a_blender_attached_over_http_gets_its_jobs_whatever_its_log_level(server: Workerd) -> None:
    token = await login(server.url)
    async with LegacySession(f"{server.url}/mcp", token) as session, ModernClient(f"{server.url}/", token) as client:
        arguments = {"client_uuid": "b1", "client_type": "blender", "is_persistent": True}
        await session.request("tools/call", {"name": "blender_register_client", "arguments": arguments})
        job_id = await submit(client)
        async for event in session.stream():
            if event.data and event.message.get("method") == "notifications/message":
                assert event.message["params"]["data"]["payload"]["job_id"] == job_id
                break
        update = {"job_id": job_id, "status": "completed", "result": "done"}
        await session.request("tools/call", {"name": "blender_job_update", "arguments": update})
        assert (await status_of(client, job_id))["status"] == "completed"


async def test_a_blender_that_restarts_loses_what_it_had_at_once(server: Workerd) -> None:
    token = await login(server.url)
    async with ModernClient(f"{server.url}/", token) as client:
        before = Peer(server.ws_url, token, "b1")
        before.registration |= {"instance_id": "one", "open_jobs": []}
        await before.connect()
        job_id = await submit(client)
        await before.next_job()
        assert (await status_of(client, job_id))["status"] == "running"
        await before.drop()
        away = await asyncio.wait_for(_until_away(client, job_id), 5)
        assert isinstance(away["away_since"], float)
        after = Peer(server.ws_url, token, "b1")
        after.registration |= {"instance_id": "two", "open_jobs": []}
        await after.connect()
        told = await status_of(client, job_id)
        assert (told["status"], "no longer has" in str(told["error"])) == ("lost", True)
        await after.close()


async def _until_away(client: ModernClient, job_id: str) -> dict[str, object]:
    while "away_since" not in (told := await status_of(client, job_id)):
        await asyncio.sleep(0.05)
    return told
