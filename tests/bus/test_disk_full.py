"""A disk that is full: whoever calls is told, nothing that was accepted is lost, and it goes on by itself."""

from __future__ import annotations

import asyncio

import httpx
from harness.faults import Disk, needs_faults
from harness.mcp import Answer, ModernClient, login
from harness.peer import Peer
from harness.workerd import Workerd

pytestmark = needs_faults


async def submit(client: ModernClient, key: str) -> Answer:
    code = {"code": "1" * 2_000}
    call = {"command": "execute_code", "params": code, "target_uuid": "b1", "idempotency_key": key}
    return await client.call("blender_submit", **call)


async def test_a_full_disk_loses_nothing_and_is_told_in_words(server: Workerd) -> None:
    disk = Disk(server)
    token = await login(server.url)
    runs: list[str] = []

    def run(job: dict[str, object]) -> str:
        runs.append(str(job["job_id"]))
        return "done"

    async with ModernClient(f"{server.url}/", token) as client:
        async with Peer(server.ws_url, token, "b1"):
            pass
        accepted = [str((await submit(client, f"before {number}")).document["job_id"]) for number in range(20)]
        with disk.full():
            for number in range(20):
                refused = await submit(client, f"during {number}")
                assert (refused.status, refused.error["code"]) == (503, -32603), refused.body
                assert "storage is full" in refused.error["message"]
            async with httpx.AsyncClient() as http:
                answer = await http.post(f"{server.url}/auth/login", json={"username": "demo", "password": "demo"})
            assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
            assert answer.headers["retry-after"] == "5"
        # No restart: what was refused can be sent again, what was accepted is there and runs once.
        accepted += [str((await submit(client, f"during {number}")).document["job_id"]) for number in range(20)]
        async with Peer(server.ws_url, token, "b1", handler=run):
            for job_id in accepted:
                assert (await client.until_ended(job_id))["status"] == "completed"
        assert sorted(runs) == sorted(accepted)


async def test_an_answer_that_found_no_room_is_sent_again(server: Workerd) -> None:
    disk = Disk(server)
    token = await login(server.url)
    async with ModernClient(f"{server.url}/", token) as client:
        peer = Peer(server.ws_url, token, "b1")
        await peer.connect()
        job_id = str((await submit(client, "one")).document["job_id"])
        await peer.next_job()
        with disk.full():
            try:
                await peer.update(job_id, "completed", "done")
                raise AssertionError("the bus confirmed what it could not keep")
            except (ConnectionError, TimeoutError):
                pass
        await peer.drop()
        await asyncio.sleep(0.2)
        peer.registration |= {"instance_id": "one", "open_jobs": [job_id]}
        await peer.connect()
        await peer.update(job_id, "completed", "done")
        assert (await client.until_ended(job_id))["status"] == "completed"
        await peer.close()
