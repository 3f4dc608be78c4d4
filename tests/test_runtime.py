"""The built Worker starts, dies, comes back, hibernates: on raw workerd, under `wrangler dev`, and as a dry deploy."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from harness.workerd import WorkerBundle, Workerd
from websockets.asyncio.client import connect

COUNTER = b"""\
import { DurableObject } from 'cloudflare:workers';
export class Counter extends DurableObject {
  requests = 0;
  async fetch(request) {
    this.requests += 1;
    if (request.headers.get('Upgrade')) {
      const [client, server] = Object.values(new WebSocketPair());
      this.ctx.acceptWebSocket(server);
      return new Response(null, { status: 101, webSocket: client });
    }
    const stored = ((await this.ctx.storage.get('n')) ?? 0) + 1;
    await this.ctx.storage.put('n', stored);
    return Response.json({ memory: this.requests, disk: stored });
  }
  webSocketMessage(socket) { socket.send(String(this.requests)); }
  webSocketClose(socket, code) { socket.close(code); }
}
export default { fetch: (request, env) => env.COUNTER.get(env.COUNTER.idFromName('one')).fetch(request) };
"""


def test_health_tells_status_and_version(server: Workerd) -> None:
    answer = httpx.get(f"{server.url}/health")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "version": "0.1.0"}


def test_a_killed_server_comes_back_on_the_same_port(server: Workerd) -> None:
    url = server.url
    server.kill()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health")
    server.start()
    assert server.url == url
    assert httpx.get(f"{url}/health").json()["status"] == "ok"


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Workerd]:
    bundle = WorkerBundle({"counter.js": COUNTER}, "2026-11-01", {"COUNTER": "Counter"})
    with Workerd(tmp_path / "counter", bundle=bundle, variables={}) as running:
        yield running


async def test_eviction_loses_memory_and_keeps_the_sockets(counter: Workerd) -> None:
    async with connect(counter.url.replace("http", "ws")) as socket:
        await socket.send("how many?")
        assert await asyncio.wait_for(socket.recv(), 5) == "1"
        counter.evict()
        await socket.send("how many?")
        assert await asyncio.wait_for(socket.recv(), 5) == "0"


def test_eviction_and_a_kill_keep_the_disk(counter: Workerd) -> None:
    assert httpx.get(counter.url).json() == {"memory": 1, "disk": 1}
    assert httpx.get(counter.url).json() == {"memory": 2, "disk": 2}
    counter.evict()
    assert httpx.get(counter.url).json() == {"memory": 1, "disk": 3}
    counter.restart()
    assert httpx.get(counter.url).json() == {"memory": 1, "disk": 4}
