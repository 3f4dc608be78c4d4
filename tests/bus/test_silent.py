"""Peers that have stopped without closing their socket: a hung process, a cable that was pulled."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from harness.mcp import ModernClient, login
from harness.peer import Peer
from harness.workerd import Workerd

TESTS = Path(__file__).parents[1]
PROMISE_SECONDS = 5

# A Blender in a process of its own, so that it can be stopped.
PROGRAM = """
import asyncio, sys
from harness.peer import Peer

async def main():
    peer = Peer(sys.argv[1], sys.argv[2], "hangs", handler=lambda job: "done")
    peer.registration |= {"ping_interval": int(sys.argv[3])}
    await peer.connect()
    print("ready", flush=True)
    while True:
        await peer.send_raw("ping")
        await asyncio.sleep(2)

asyncio.run(main())
"""


@asynccontextmanager
async def blender(server: Workerd, token: str) -> AsyncIterator[Process]:
    command = [sys.executable, "-c", PROGRAM, server.ws_url, token, str(PROMISE_SECONDS)]
    process = await asyncio.create_subprocess_exec(*command, cwd=TESTS, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        await process.wait()


async def connected(client: ModernClient, uuid: str) -> bool:
    listed = (await client.call("blender_list_available_clients")).document
    return any(row["uuid"] == uuid and row["connected"] for row in [*listed["persistent"], *listed["ephemeral"]])


async def test_a_peer_that_hangs_is_let_go_and_a_call_that_waits_for_it_hears_so(server: Workerd) -> None:
    token = await login(server.url)
    async with ModernClient(f"{server.url}/", token) as client, blender(server, token) as process:
        call = {"code": "1", "target_uuid": "hangs"}
        assert (await client.call("blender_execute_code", **call)).document["status"] == "completed"
        # It stays while it only has nothing to say: the platform answers its pings.
        await asyncio.sleep(4 * PROMISE_SECONDS)
        server.evict()
        assert await connected(client, "hangs")

        process.send_signal(signal.SIGSTOP)
        waiting = (await client.call("blender_execute_code", timeout_seconds=60, **call)).document
        assert (waiting["status"], "away_since" in waiting) == ("disconnected", True), waiting
        assert not await connected(client, "hangs")


async def test_a_peer_that_promised_nothing_may_be_silent(server: Workerd) -> None:
    token = await login(server.url)
    async with ModernClient(f"{server.url}/", token) as client, Peer(server.ws_url, token, "quiet"):
        await asyncio.sleep(4 * PROMISE_SECONDS)
        assert await connected(client, "quiet")
