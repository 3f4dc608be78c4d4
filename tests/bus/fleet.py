"""Peers for tests under fire: they remember what they have seen over every loss, come back by themselves, and count."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from harness.mcp import ModernClient
from harness.peer import Peer, ToolRefused
from websockets.exceptions import ConnectionClosed, InvalidHandshake

LOST = (ConnectionError, ConnectionClosed, InvalidHandshake, OSError, TimeoutError, EOFError)
RETRY_SECONDS = 0.02


class SturdyPeer(Peer):
    """A peer with `job_ack`, as docs/peer-protocol.md describes one.

    What it has seen it never runs again; what it has run it answers until the bus has taken the answer, over as many
    connections as that takes. `runs` counts how often each job was run: more than once is what must never happen.
    """

    def __init__(self, ws_url: str, token: str, uuid: str, *, work_seconds: float = 0.0) -> None:
        super().__init__(ws_url, token, uuid)
        self.work_seconds = work_seconds
        self.runs: Counter[str] = Counter()
        self.unanswered: dict[str, str] = {}  # job id -> result
        self.news = asyncio.Event()
        self.connections = 0
        self._living: list[asyncio.Task[None]] = []

    async def live(self) -> None:
        """Stays connected and answers, until cancelled."""
        worker = asyncio.create_task(self._run_jobs())
        try:
            while True:
                with suppress(*LOST, ToolRefused):
                    await self.connect()
                    self.connections += 1
                    await self._answer()
                await self._stop()
                if self.socket is not None:
                    self.socket.transport.abort()
                await asyncio.sleep(RETRY_SECONDS * random.uniform(0.5, 1.5))
        finally:
            worker.cancel()
            await self._stop()
            if self.socket is not None:
                self.socket.transport.abort()

    async def _run_jobs(self) -> None:
        while True:
            job = await self.jobs.get()
            job_id = job["job_id"]
            await asyncio.sleep(self.work_seconds)
            self.runs[job_id] += 1
            self.unanswered[job_id] = f"{job_id} by {self.uuid}"
            self.news.set()

    async def _answer(self) -> None:
        """Answers what has run, oldest first, and returns when the connection is lost."""
        assert self.socket is not None
        closed = asyncio.create_task(self.socket.wait_closed())
        try:
            while not closed.done():
                self.news.clear()
                for job_id, result in list(self.unanswered.items()):
                    await self.update(job_id, "completed", result=result)
                    self.unanswered.pop(job_id, None)
                waiting = asyncio.create_task(self.news.wait())
                await asyncio.wait({waiting, closed}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
        finally:
            closed.cancel()


class Fleet:
    """Several sturdy peers at once."""

    def __init__(self, ws_url: str, token: str, size: int, *, work_seconds: float = 0.0) -> None:
        self.peers = [SturdyPeer(ws_url, token, f"peer-{n:02}", work_seconds=work_seconds) for n in range(size)]
        self._tasks: list[asyncio.Task[None]] = []
        self._back_at = 0

    async def __aenter__(self) -> Fleet:
        self._tasks = [asyncio.create_task(peer.live()) for peer in self.peers]
        async with asyncio.timeout(20):
            while any(peer.connections == 0 for peer in self.peers):
                await asyncio.sleep(0.02)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def back(self, count: int) -> None:
        """Waits until as many connections more were made since this was last called, at most 10 s."""
        with suppress(TimeoutError):
            async with asyncio.timeout(10):
                while self.connections < self._back_at + count:
                    await asyncio.sleep(0.01)
        self._back_at = self.connections

    @property
    def connections(self) -> int:
        return sum(peer.connections for peer in self.peers)

    @property
    def answered(self) -> int:
        """Jobs whose answer the bus has taken."""
        return sum(len(peer.runs) - len(peer.unanswered) for peer in self.peers)

    @property
    def runs(self) -> Counter[str]:
        return sum((peer.runs for peer in self.peers), Counter())


async def until_done(client: ModernClient, job_ids: Iterable[str], seconds: float) -> dict[str, dict[str, Any]]:
    """The documents of `blender_job_result`, once every one of these jobs has ended or the time is up."""
    found: dict[str, dict[str, Any]] = {}
    waiting = list(job_ids)
    deadline = asyncio.get_running_loop().time() + seconds
    while waiting:
        for job_id in waiting:
            found[job_id] = (await client.call("blender_job_result", job_id=job_id)).document
        waiting = [job_id for job_id in waiting if found[job_id]["status"] in ("queued", "running")]
        if asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(0.2 if waiting else 0)
    return found
