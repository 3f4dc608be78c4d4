"""A clock that jumps an hour forward, back, and back once more between restarts: nothing is stuck, nothing is lost."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest
from harness.faults import move_clock, needs_faults
from harness.mcp import LegacySession, ModernClient, login
from harness.peer import Peer
from harness.workerd import Workerd

HOUR = 3_600

pytestmark = needs_faults


async def submit(client: ModernClient, uuid: str) -> str:
    answer = await client.call("blender_submit", command="execute_code", params={"code": "1"}, target_uuid=uuid)
    return str(answer.document["job_id"])


async def status_of(client: ModernClient, job_id: str) -> str:
    document = (await client.call("blender_job_status", job_id=job_id)).document
    return str(document["status"])


async def wrong_password(url: str) -> None:
    async with httpx.AsyncClient() as http:
        await http.post(f"{url}/auth/login", json={"username": "demo", "password": "wrong"})


@pytest.mark.parametrize("jumps", [(HOUR, 0), (HOUR, -HOUR), (-HOUR, HOUR), (-HOUR, 0)])
async def test_nothing_is_stuck_or_lost_when_the_clock_jumps(server: Workerd, jumps: tuple[int, int]) -> None:
    jobs: list[str] = []
    before = 0
    for jump in (0, *jumps):
        move_clock(server, jump)
        # To the bus an hour has passed, and so long a Blender that is away keeps its jobs.
        endings = {"completed", "lost"} if jump > before else {"completed"}
        before = jump
        # A token that a wrong clock has made ends by the clock, and a new one is to be had at once.
        token = await login(server.url)
        async with ModernClient(f"{server.url}/", token) as client:
            listed = (await client.call("blender_list_available_clients")).document
            assert all(not row["connected"] for row in listed["persistent"])
            if jobs:
                jobs.append(await submit(client, "b1"))
            # Work that waits for a Blender is done when it is there, whichever clock it was accepted by.
            async with Peer(server.ws_url, token, "b1", handler=lambda job: "done"):
                for job_id in jobs:
                    assert (await client.until_ended(job_id))["status"] in endings, (jump, job_id)
                answer = await client.call("blender_execute_code", code="1", target_uuid="b1")
                assert answer.document["status"] == "completed"
            jobs = [await submit(client, "b1")]
            # A wait ends by its own length.
            async with Peer(server.ws_url, token, "b2"):
                begun = time.monotonic()
                answer = await client.call("blender_execute_code", code="1", target_uuid="b2", timeout_seconds=1)
                assert (answer.document["status"], time.monotonic() - begun < 10) == ("timeout", True)
        async with LegacySession(f"{server.url}/mcp", token) as session:
            assert "tools" in (await session.request("tools/list", {})).result
        # Wrong guesses cost a pause of seconds, whatever the clock said when they were made.
        for _ in range(7):
            await wrong_password(server.url)
        await asyncio.sleep(2.5)
    log = server.log_text(200_000)
    assert "bus: " not in log and "account: " not in log, log
    assert "Error" not in log and '"took_ms":-' not in log, log


async def test_an_hour_later_an_old_token_has_ended_and_what_was_running_is_lost(server: Workerd) -> None:
    move_clock(server, 0)
    token = await login(server.url)
    async with ModernClient(f"{server.url}/", token) as client:
        async with Peer(server.ws_url, token, "b1") as peer:
            job_id = await submit(client, "b1")
            await peer.next_job()
            assert await status_of(client, job_id) == "running"
        # Its Blender has left; the timer for that is set once the bus knows.
        while (await client.call("blender_list_available_clients")).document["persistent"][0]["connected"]:
            await asyncio.sleep(0.05)
        move_clock(server, HOUR + 60)
        assert (await client.request("tools/list")).status == 401
    token = await login(server.url)
    async with ModernClient(f"{server.url}/", token) as client:
        assert (await client.until_ended(job_id))["status"] == "lost"
