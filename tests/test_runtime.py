"""The built Worker starts, dies, comes back, hibernates: on raw workerd, under `wrangler dev`, and as a dry deploy."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from harness.workerd import ROOT, WorkerBundle, Workerd
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
    async with connect(counter.url.replace("http", "ws")) as peer:
        await peer.send("how many?")
        assert await asyncio.wait_for(peer.recv(), 5) == "1"
        counter.evict()
        await peer.send("how many?")
        assert await asyncio.wait_for(peer.recv(), 5) == "0"


def test_eviction_and_a_kill_keep_the_disk(counter: Workerd) -> None:
    assert httpx.get(counter.url).json() == {"memory": 1, "disk": 1}
    assert httpx.get(counter.url).json() == {"memory": 2, "disk": 2}
    counter.evict()
    assert httpx.get(counter.url).json() == {"memory": 1, "disk": 3}
    counter.restart()
    assert httpx.get(counter.url).json() == {"memory": 1, "disk": 4}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment() -> dict[str, str]:
    """As inside an npm script: the project's own tools, and with them Node 22, come first."""
    return {**os.environ, "PATH": f"{ROOT / 'node_modules' / '.bin'}:{os.environ['PATH']}", "NO_COLOR": "1"}


def children_of(parent: int) -> set[int]:
    """The process ids below a process, by /proc."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found, new = set[int](), {parent}
    while new := {child for child, above in parents.items() if above in new} - found:
        found |= new
    return found


def wait_for(url: str, process: subprocess.Popen[str], log: Path, seconds: float = 60.0) -> httpx.Response:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(url, timeout=10)
        time.sleep(0.1)
    pytest.fail(f"{url} never answered:\n{log.read_text()}")


@pytest.mark.parametrize("command", [["npm", "run", "dev", "--"], ["npx", "wrangler", "dev"]], ids=["npm", "wrangler"])
def test_the_dev_server_serves_and_leaves_nothing_behind(command: list[str], tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "dev.log"
    arguments = [*command, "--port", str(port), "--persist-to", str(tmp_path / "state")]
    with log.open("w") as output:
        process = subprocess.Popen(
            arguments,
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
            start_new_session=True,
        )
    started = {process.pid}
    try:
        assert wait_for(f"http://localhost:{port}/health", process, log).json()["status"] == "ok"
        assert httpx.get(f"http://localhost:{port}/addon.zip").content == (ROOT / "public" / "addon.zip").read_bytes()
        if command[0] == "npm":
            told = f"Blender Bus is ready at http://localhost:{port} "
            while told not in log.read_text():
                time.sleep(0.1)
        started |= children_of(process.pid)
        assert len(started) > 2, "wrangler and workerd run below the command"
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does on Ctrl-C
        process.wait(timeout=15)
        deadline = time.monotonic() + 5
        while (left := [pid for pid in started if Path(f"/proc/{pid}").exists()]) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not left
    finally:
        for pid in started | children_of(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        arguments = ["node", "scripts/dev.mjs", "--port", str(port), "--persist-to", str(tmp_path)]
        refused = subprocess.run(arguments, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=30)
    assert refused.returncode == 1
    assert f"port {port} is taken by another program" in refused.stderr


def test_a_dry_deploy_succeeds(tmp_path: Path) -> None:
    arguments = ["npx", "wrangler", "deploy", "--dry-run", "--outdir", str(tmp_path)]
    deploy = subprocess.run(arguments, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=120)
    assert deploy.returncode == 0, deploy.stdout + deploy.stderr
    assert "--dry-run: exiting now" in deploy.stdout
