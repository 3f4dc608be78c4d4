"""A connected peer that has nothing to do costs no wake-up of its object and no written row."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from harness.mcp import ModernClient, login
from harness.peer import Peer
from harness.workerd import WorkerBundle, Workerd

PINGS = 200

# Around the Worker as it was built: counts how often the runtime makes an object or calls one.
COUNTING = b"""\
import Worker, * as built from './index.js';
export * from './index.js';
const counts = { constructed: 0, requests: 0, messages: 0, alarms: 0 };
export class UserBus extends built.UserBus {
  constructor(...args) { super(...args); counts.constructed += 1; }
  fetch(request) { counts.requests += 1; return super.fetch(request); }
  webSocketMessage(...args) { counts.messages += 1; return super.webSocketMessage(...args); }
  alarm(...args) { counts.alarms += 1; return super.alarm(...args); }
}
export default class extends Worker {
  fetch(request) {
    return new URL(request.url).pathname === '/counts' ? Response.json(counts) : super.fetch(request);
  }
}
"""


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[Workerd]:
    built = WorkerBundle.built()
    bundle = replace(built, modules={"counting.js": COUNTING, **built.modules})
    with Workerd(tmp_path / "workerd", bundle=bundle) as running:
        yield running


def counts(server: Workerd) -> dict[str, int]:
    return dict(httpx.get(f"{server.url}/counts").json())


def written(server: Workerd) -> dict[str, str]:
    """A digest of every file that holds objects' rows. (`-shm` holds locks, not rows.)"""
    files = sorted(path for path in (server.folder / "state" / "UserBus").iterdir() if not path.name.endswith("-shm"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


async def ping(peer: Peer, times: int) -> None:
    assert peer.socket is not None
    for _ in range(times):
        await peer.send_raw("ping")
        await asyncio.sleep(0.005)


async def test_an_idle_peer_wakes_nothing_and_writes_nothing(counted: Workerd) -> None:
    token = await login(counted.url)
    async with Peer(counted.ws_url, token) as peer, ModernClient(counted.url, token) as client:
        await asyncio.to_thread(counted.evict)
        asleep, rows = counts(counted), written(counted)
        await ping(peer, PINGS)
        assert counts(counted) == asleep, "a ping woke the object"
        assert written(counted) == rows, "a ping wrote a row"

        # That the counts can change at all: a call wakes the object once and writes.
        await client.call("blender_list_available_clients")
        awake = counts(counted)
        assert awake["constructed"] == asleep["constructed"] + 1
        assert written(counted) != rows
    print(f"\n{PINGS} pings of an idle peer: 0 wake-ups, 0 requests, 0 bytes written")


async def test_the_object_falls_asleep_by_itself_under_a_peer_that_only_pings(counted: Workerd) -> None:
    token = await login(counted.url)
    async with Peer(counted.ws_url, token) as peer, ModernClient(counted.url, token) as client:
        before = counts(counted)
        await ping_for(peer, 12)
        await client.call("blender_list_available_clients")
        assert counts(counted)["constructed"] == before["constructed"] + 1, "the object had not been evicted"
        assert counts(counted)["messages"] == before["messages"]


async def ping_for(peer: Peer, seconds: float) -> None:
    for _ in range(int(seconds * 2)):
        await ping(peer, 1)
        await asyncio.sleep(0.5)
