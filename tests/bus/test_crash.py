"""What was accepted is done once and its outcome is kept, whatever dies in between.

`BUS_CRASH_JOBS=1000 BUS_CRASH_KILLS=50 BUS_FLAPS=1000` is the whole of it; without them a third, so that every run of
all tests has the time. The counts are printed (`pytest -s`).
"""

from __future__ import annotations

import asyncio
import os
import random
import time

import httpx
import pytest
from harness.mcp import ModernClient, login
from harness.workerd import Workerd

from .fleet import Fleet, until_done

JOBS = int(os.environ.get("BUS_CRASH_JOBS", "400"))
KILLS = int(os.environ.get("BUS_CRASH_KILLS", "15"))
FLAPS = int(os.environ.get("BUS_FLAPS", "300"))
PEERS = 20
SUBMITTERS = 8


async def submit_until_accepted(client: ModernClient, number: int) -> str:
    """Submits under a key of its own until the bus has said yes; the same key never starts two jobs."""
    target = f"peer-{number % PEERS:02}"
    while True:
        try:
            answer = await client.call(
                "blender_submit",
                command="get_object_info",
                params={"name": str(number)},
                target_uuid=target,
                idempotency_key=f"job-{number}",
            )
            if answer.status == 200:
                return str(answer.document["job_id"])
        except httpx.HTTPError:
            pass
        await asyncio.sleep(0.02)


async def submit_all(url: str, token: str, count: int, accepted: list[str]) -> None:
    """Submits so many jobs, some at a time; `accepted` grows by the id of each that the bus has said yes to."""
    numbers = iter(range(count))

    async def keep_submitting() -> None:
        async with ModernClient(url, token) as client:
            for number in numbers:
                accepted.append(await submit_until_accepted(client, number))

    await asyncio.gather(*(keep_submitting() for _ in range(SUBMITTERS)))


async def check_all_done(server: Workerd, token: str, fleet: Fleet, accepted: list[str], seconds: float) -> None:
    """Every accepted job has ended, once, with its own result; no peer ran anything twice or anything else."""
    assert len(set(accepted)) == len(accepted), "two submissions got one job"
    async with ModernClient(server.url, token) as client:
        found = await until_done(client, accepted, seconds)
    open_jobs = {job_id: document for job_id, document in found.items() if document["status"] != "completed"}
    assert open_jobs == {}
    for job_id, document in found.items():
        assert document["result"] == f"{job_id} by {document['target_uuid']}"
    runs = fleet.runs
    assert [job_id for job_id, count in runs.items() if count != 1] == []
    assert set(runs) >= set(accepted)


@pytest.mark.timeout(300)
async def test_no_job_is_lost_or_doubled_while_the_server_is_killed_again_and_again(server: Workerd) -> None:
    token = await login(server.url)
    random.seed(5)
    started = time.monotonic()
    accepted: list[str] = []
    in_flight = []
    async with Fleet(server.ws_url, token, PEERS, work_seconds=1.0) as fleet:
        submitting = asyncio.create_task(submit_all(server.url, token, JOBS, accepted))
        while len(accepted) < JOBS // 2:
            await asyncio.sleep(0.01)
        for _ in range(KILLS):
            await fleet.back(PEERS // 2)
            await asyncio.sleep(random.uniform(0, 0.4))
            in_flight.append(len(accepted) - fleet.answered)
            server.restart()
        await submitting
        await check_all_done(server, token, fleet, accepted, 120)
        connections = fleet.connections
    middle = sorted(in_flight)[KILLS // 2]
    assert middle > 0, f"the kills met no work: {in_flight}"
    print(
        f"\n{len(accepted)} jobs accepted over {PEERS} peers, {KILLS} times SIGKILL with {min(in_flight)} to "
        f"{max(in_flight)} of them in flight ({middle} in the middle), {connections} connections: "
        f"{len(accepted)} completed once, 0 lost, 0 doubled, in {time.monotonic() - started:.0f} s"
    )


@pytest.mark.timeout(300)
async def test_no_job_is_lost_or_doubled_while_peers_drop_and_return(server: Workerd) -> None:
    token = await login(server.url)
    random.seed(6)
    started = time.monotonic()
    async with Fleet(server.ws_url, token, PEERS, work_seconds=0.005) as fleet:
        accepted: list[str] = []
        submitting = asyncio.create_task(submit_all(server.url, token, JOBS, accepted))
        for _ in range(FLAPS):
            peer = random.choice(fleet.peers)
            if peer.socket is not None:
                peer.socket.transport.abort()
            await asyncio.sleep(random.uniform(0, 0.03))
        await submitting
        await check_all_done(server, token, fleet, accepted, 120)
        connections = fleet.connections
    print(
        f"\n{len(accepted)} jobs over {PEERS} peers that dropped {FLAPS} times ({connections} connections): "
        f"0 lost, 0 doubled, in {time.monotonic() - started:.0f} s"
    )
