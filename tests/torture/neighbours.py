"""What a misbehaving peer of somebody else costs a user: `npm run torture -- --neighbours`.


Both users have one Blender. That of the first hangs, is half open, answers twice and for another's job, sends frames as
large as a frame may be and larger, or floods the bus; the second goes on calling his own.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.mcp import ModernClient, login  # noqa: E402
from harness.peer import Peer, ToolRefused  # noqa: E402
from harness.workerd import Workerd  # noqa: E402
from websockets.exceptions import ConnectionClosed  # noqa: E402

MIB = 1024 * 1024
FLOOD = 20_000
GONE = (ConnectionError, ConnectionClosed, TimeoutError, ToolRefused)


@dataclass
class Bad:
    """A peer that misbehaves, and the client of its owner."""

    peer: Peer
    client: ModernClient

    async def submit(self) -> str:
        answer = await self.client.call(
            "blender_submit", command="get_scene_info", params={}, target_uuid=self.peer.uuid
        )
        return str(answer.document["job_id"])

    async def status(self, job_id: str) -> str:
        return str((await self.client.call("blender_job_status", job_id=job_id)).document["status"])


async def quiet(bad: Bad) -> str:
    """It does nothing: the yardstick."""
    await asyncio.sleep(1.5)
    return ""


async def reads_nothing(bad: Bad) -> str:
    """It leaves what it is sent unread, as one that hangs or whose line is half open."""
    assert bad.peer.socket is not None
    bad.peer.socket.transport.pause_reading()
    text = "x" * 900_000
    for _ in range(60):
        await bad.client.call("blender_send_message", payload={"text": text}, target_uuid=bad.peer.uuid)
    listed = (await bad.client.call("blender_list_available_clients")).document
    return f"connected: {listed['persistent'][0]['connected']}"


async def answers_twice(bad: Bad) -> str:
    """It answers each job twice, and one that is not there."""
    for _ in range(200):
        job_id = await bad.submit()
        await bad.peer.update(job_id, "completed", "first")
        await bad.peer.update(job_id, "completed", "second")
        with suppress(ToolRefused):
            await bad.peer.update("j-00000000", "completed", "of nobody")
    result = (await bad.client.call("blender_job_result", job_id=job_id)).document
    return f"kept: {result['result']}"


async def large_frame(bad: Bad, size: int) -> str:
    job_id = await bad.submit()
    update = {"job_id": job_id, "status": "completed", "result": ""}
    frame = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    params = {"name": "blender_job_update", "arguments": update}
    update["result"] = "x" * (size - len(json.dumps({**frame, "params": params})))
    with suppress(*GONE):
        await bad.peer.send_raw(json.dumps({**frame, "params": params}))
        await bad.peer.closed(3)
    code = bad.peer.socket.close_code if bad.peer.socket else None
    return f"job: {await bad.status(job_id)}, closed: {code}"


async def as_large_as_may_be(bad: Bad) -> str:
    """It sends a frame of 31 MiB."""
    return await large_frame(bad, 31 * MIB)


async def too_large(bad: Bad) -> str:
    """It sends a frame of 33 MiB, which is more than the runtime takes."""
    return await large_frame(bad, 33 * MIB)


async def floods(bad: Bad) -> str:
    """It sends small frames as fast as it can."""
    ping = json.dumps({"jsonrpc": "2.0", "method": "notifications/progress", "params": {}})
    with suppress(*GONE):
        for _ in range(FLOOD):
            await bad.peer.send_raw(ping)
        await bad.peer.closed(5)
    return f"closed: {bad.peer.socket.close_code if bad.peer.socket else None}"


Case = Callable[[Bad], Awaitable[str]]
CASES: list[Case] = [
    quiet,
    reads_nothing,
    answers_twice,
    as_large_as_may_be,
    too_large,
    floods,
]


# What may become of each. The job of a frame that was never read ends as its Blender returns, or when it stays away.
SAID = {
    "quiet": {""},
    "reads_nothing": {"connected: False"},
    "answers_twice": {"kept: first"},
    "as_large_as_may_be": {"job: failed, closed: None"},
    "too_large": {"job: running, closed: 1009"},
    "floods": {"closed: 4429"},
}


@dataclass
class Told:
    case: str
    said: str
    calls: list[float]
    failed: int
    memory_mib: float


async def call_on(url: str, ws_url: str, token: str) -> None:
    """Calls a Blender of its own until its input ends; prints the seconds of each call, and how many failed."""
    calls: list[float] = []
    failed = 0
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    async with ModernClient(f"{url}/", token) as client, Peer(ws_url, token, "good", handler=lambda job: "done"):
        print("ready", flush=True)
        while not ended.done():
            begun = time.perf_counter()
            answer = await client.call("blender_execute_code", code="1", target_uuid="good")
            calls.append(time.perf_counter() - begun)
            failed += answer.document["status"] != "completed"
            await asyncio.sleep(0.005)
    print(json.dumps({"calls": calls, "failed": failed}))


def closed_by_failure(server: Workerd) -> list[str]:
    """Lines of the log that tell of an error of the bus."""
    return [line for line in server.log_text(1_000_000).splitlines() if line.startswith("bus: ") or "panicked" in line]


def memory_mib(server: Workerd) -> float:
    pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


async def beside(server: Workerd, case: Case) -> Told:
    good_token, bad_token = await login(server.url, "ada"), await login(server.url)
    # In a process of its own: only the server is shared.
    command = [sys.executable, __file__, server.url, server.ws_url, good_token]
    calling = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=16 * MIB)
    assert calling.stdout is not None and await calling.stdout.readline() == b"ready\n"
    async with ModernClient(f"{server.url}/", bad_token) as client:
        peer = Peer(server.ws_url, bad_token, "bad")
        await peer.connect()
        said = await case(Bad(peer, client))
        await asyncio.sleep(0.5)
        out, _ = await calling.communicate(b"")
        with suppress(*GONE):
            await peer.drop()
    told = json.loads(out)
    return Told(case.__name__, said, told["calls"], told["failed"], memory_mib(server))


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Workerd(Path(folder)) as server:
        quiet_p50 = 0.0
        print("| the other peer | calls beside it | p50 ms | p99 ms | p50 to quiet | memory MiB | what became of it |")
        print("|---|---|---|---|---|---|---|")
        for case in CASES:
            told = await beside(server, case)
            cuts = statistics.quantiles(told.calls, n=100)
            quiet_p50 = quiet_p50 or cuts[49]
            print(
                f"| {told.case.replace('_', ' ')} | {len(told.calls)} | {cuts[49] * 1000:.1f} | {cuts[98] * 1000:.1f} "
                f"| {cuts[49] / quiet_p50:.2f} | {told.memory_mib:.0f} | {told.said} |",
                flush=True,
            )


if __name__ == "__main__":
    asyncio.run(call_on(*sys.argv[1:]) if len(sys.argv) > 1 else main())
