"""The object may be evicted at any moment of a job's life: its rows and its sockets carry everything over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from harness.mcp import ModernClient, login
from harness.peer import Peer
from harness.workerd import Workerd

STEPS = ("submit", "acknowledge", "progress", "answer", "read")
Step = Callable[[], Awaitable[None]]


class Life:
    """One job from its submission to the reading of its result, step by step. The peer acknowledges by hand."""

    def __init__(self, client: ModernClient, peer: Peer) -> None:
        self.client, self.peer = client, peer
        self.job_id = ""

    async def submit(self) -> None:
        answer = await self.client.call("blender_submit", command="get_scene_info", params={})
        self.job_id = answer.document["job_id"]

    async def acknowledge(self) -> None:
        assert (await self.peer.next_job())["job_id"] == self.job_id
        await self.peer.progress(self.job_id, 0)

    async def progress(self) -> None:
        await self.peer.progress(self.job_id, 40, "almost half")

    async def answer(self) -> None:
        document = await self.peer.update(self.job_id, "completed", result=f"result of {self.job_id}")
        assert document["status"] == "ok" and "duplicate" not in document

    async def read(self) -> None:
        document = (await self.client.call("blender_job_result", job_id=self.job_id)).document
        assert (document["status"], document["result"]) == ("completed", f"result of {self.job_id}")
        assert document["progress"]["percent"] == 40

    async def run(self, evicted_at: str, moment: str, evict: Step) -> None:
        for name in STEPS:
            step: Step = getattr(self, name)
            if name != evicted_at:
                await step()
            elif moment == "during":
                await asyncio.gather(step(), evict())
            else:
                await (evict() if moment == "before" else step())
                await (step() if moment == "before" else evict())


@pytest.mark.parametrize("moment", ["before", "during", "after"])
async def test_a_job_outlives_an_eviction_at_any_step(server: Workerd, moment: str) -> None:
    token = await login(server.url)

    async def evict() -> None:
        await asyncio.to_thread(server.evict)

    peer = Peer(server.ws_url, token, acknowledge=False, capabilities=["job_ack"])
    async with ModernClient(server.url, token) as client, peer:
        for step in STEPS:
            await Life(client, peer).run(step, moment, evict)
        assert peer.jobs.empty(), "a job was sent twice"
        listed = (await client.call("blender_list_jobs")).document["jobs"]
        assert [job["status"] for job in listed] == ["completed"] * len(STEPS)


async def test_after_an_eviction_a_returning_peer_gets_what_it_had_not_acknowledged(server: Workerd) -> None:
    token = await login(server.url)
    peer = Peer(server.ws_url, token, acknowledge=False, capabilities=["job_ack"])
    async with ModernClient(server.url, token) as client, peer:
        answer = await client.call("blender_submit", command="get_scene_info", params={})
        job_id = answer.document["job_id"]
        assert (await peer.next_job())["job_id"] == job_id
        await peer.drop()
        await asyncio.to_thread(server.evict)
        await peer.connect()
        assert (await peer.next_job())["job_id"] == job_id
        await peer.update(job_id, "completed", result="done")
        document = (await client.call("blender_job_result", job_id=job_id)).document
        assert document["result"] == "done"
