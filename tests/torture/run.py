"""Random histories against the built Worker on raw workerd: `npm run torture -- --minutes N --seed S --kills K`.

Clients send jobs in four ways to peers of every kind. These drop, crash and come back, and the server is evicted and
killed.
At the end every accepted job must have ended once, with a result that is readable and its own. Nothing may have run
twice in one process that acknowledges. No message may be missing, doubled or out of order. Nothing may be answered with
5xx or closed with 1011, and the log must hold no error.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.mcp import LegacySession, ModernClient, login  # noqa: E402
from harness.workerd import Workerd  # noqa: E402

from torture.peers import LOST, HttpPeer, SocketPeer, result_of  # noqa: E402
from torture.served import Served  # noqa: E402

# What no Blender takes is lost a minute after its timeout, and what a plain peer was running a minute after it left.
SETTLE_SECONDS = 100.0
ENDED = {"completed", "failed", "cancelled", "lost"}
ERRORS = re.compile(r"SQLITE_|bus: |account: |RuntimeError|panicked|uncaught|internal error", re.IGNORECASE)
MAILBOX = "mailbox"


@dataclass
class Ledger:
    tried: int = 0
    cut: int = 0  # calls whose answer a kill or a time-out took away
    jobs: dict[str, str] = field(default_factory=dict)  # job -> target
    cancelled: set[str] = field(default_factory=set)
    mails: list[int] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


class Torture:
    def __init__(self, server: Workerd | Served, seed: int) -> None:
        self.server, self.dice, self.ledger = server, random.Random(seed), Ledger()
        self.numbers = iter(range(1, 10_000_000))

    async def run(self, seconds: float, kills: int, peers: int = 8) -> Ledger:
        self.token = await login(self.server.url)
        kinds = [
            SocketPeer(self.server.ws_url, self.token, f"ack-{n}", self.fork(), acknowledges=True) for n in range(peers)
        ]
        kinds += [
            SocketPeer(self.server.ws_url, self.token, f"plain-{n}", self.fork(), acknowledges=False) for n in range(4)
        ]
        twins = [SocketPeer(self.server.ws_url, self.token, "twin", self.fork(), acknowledges=True) for _ in range(2)]
        https = [HttpPeer(self.server.url, self.token, f"http-{n}", self.fork()) for n in range(2)]
        self.sockets, self.https, self.twins = kinds, https, twins
        self.uuids = [peer.uuid for peer in (*kinds, *https)] + ["twin"]
        lives = [asyncio.create_task(peer.live()) for peer in (*kinds, *twins, *https)]
        lives.append(asyncio.create_task(self.watch()))
        async with ModernClient(f"{self.server.url}/", self.token, timeout=20) as client:
            while len([peer for peer in kinds if peer._socket]) < len(kinds):
                await asyncio.sleep(0.1)
            await client.call("blender_register_client", client_uuid=MAILBOX, client_type="llm", is_persistent=True)
        until = time.monotonic() + seconds
        work = [asyncio.create_task(self.send_jobs(until)) for _ in range(6)]
        work += [asyncio.create_task(self.mail(until)), asyncio.create_task(self.trouble(until))]
        await self.kill(seconds, kills)
        await asyncio.gather(*work)
        for task in [*lives]:
            if task is lives[-1]:
                task.cancel()
        await self.settle()
        for task in lives:
            task.cancel()
        await asyncio.gather(*lives, return_exceptions=True)
        self.check()
        return self.ledger

    def fork(self) -> random.Random:
        return random.Random(self.dice.getrandbits(64))

    async def call(self, client: ModernClient, tool: str, **arguments: Any) -> dict[str, Any] | None:
        """The document of a call; none where the server or the line was gone."""
        self.ledger.tried += 1
        try:
            answer = await client.call(tool, **arguments)
        except (*LOST, AssertionError, ValueError):
            self.ledger.cut += 1
            return None
        if answer.status >= 500:
            self.ledger.faults.append(f"{tool} was answered {answer.status}: {answer.body[:200]}")
            return None
        try:
            return answer.document
        except (AssertionError, KeyError, ValueError):
            self.ledger.cut += 1
            return None

    async def send_jobs(self, until: float) -> None:
        async with ModernClient(f"{self.server.url}/", self.token, timeout=20) as client:
            while time.monotonic() < until:
                await self.one_job(client)
                await asyncio.sleep(self.dice.random() * 0.05)

    async def one_job(self, client: ModernClient) -> None:
        target, number = self.dice.choice(self.uuids), next(self.numbers)
        way = self.dice.randrange(4)
        if way == 0:
            answer = await self.call(client, "blender_execute_code", code="1", target_uuid=target, timeout_seconds=2)
        elif way == 1:
            arguments = {"command": "execute_code", "params": {"code": "1"}, "target_uuid": target}
            answer = await self.call(client, "blender_submit", **arguments)
        elif way == 2:
            arguments = {"command": "execute_code", "params": {"code": "1"}, "target_uuid": target}
            answer = None
            for _ in range(20):  # with a key it is safe to ask again
                answer = await self.call(client, "blender_submit", **arguments, idempotency_key=f"key-{number}")
                if answer is not None:
                    break
                await asyncio.sleep(0.2)
        else:
            payload = {
                "message_type": "command_dispatch",
                "job_id": f"own-{number}",
                "command": "execute_code",
                "params": {},
            }
            answer = await self.call(
                client, "blender_send_message", payload=payload, target_uuid=target, from_uuid=MAILBOX
            )
        job_id = answer.get("job_id") if answer else None
        if answer is None or not job_id or answer.get("status") in ("unknown_target", "no_client"):
            return
        self.ledger.jobs[str(job_id)] = target
        if self.dice.random() < 0.05:
            cancelled = await self.call(client, "blender_job_cancel", job_id=job_id)
            if cancelled and cancelled.get("status") == "cancelled":
                self.ledger.cancelled.add(str(job_id))

    async def mail(self, until: float) -> None:
        """Numbered messages to a mailbox that is read now and then."""
        after: str | None = None
        async with ModernClient(f"{self.server.url}/", self.token, timeout=20) as client:
            number = 0
            while time.monotonic() < until:
                number += 1
                sent = await self.call(client, "blender_send_message", payload={"n": number}, target_uuid=MAILBOX)
                if sent and sent.get("status") == "ok":
                    self.ledger.mails.append(number)
                if number % 5 == 0:
                    after = await self.read_mail(client, after)
                await asyncio.sleep(0.05)
        self.after = after

    async def read_mail(self, client: ModernClient, after: str | None) -> str | None:
        page = await self.call(client, "blender_receive_messages", client_uuid=MAILBOX, after=after, limit=500)
        if page is None:
            return after
        numbers = [m["payload"]["n"] for m in page["messages"] if "n" in m["payload"]]
        self.ledger.received += numbers
        return page["next"]

    async def trouble(self, until: float) -> None:
        """Peers drop, crash and stay away for a while; objects are evicted."""
        while time.monotonic() < until:
            await asyncio.sleep(self.dice.random())
            peer = self.dice.choice([*self.sockets, *self.twins])
            match self.dice.randrange(8):
                case 0 | 1 | 2:
                    await peer.drop()
                case 3:
                    await peer.crash()
                case 4:
                    peer.paused.clear()
                    await peer.drop()
                    asyncio.get_running_loop().call_later(self.dice.random() * 5, peer.paused.set)
                case 5:
                    with suppress(*LOST):
                        await asyncio.to_thread(self.server.evict)

    async def watch(self) -> None:
        """Sessions that are subscribed to what changes most, and read their streams now and then."""
        while True:
            with suppress(*LOST, AssertionError):
                async with LegacySession(f"{self.server.url}/mcp", self.token) as session:
                    for uri in ("blender://bus/clients", "blender://bus/stats"):
                        await session.request("resources/subscribe", {"uri": uri})
                    async with asyncio.timeout(5):
                        async for _ in session.stream():
                            pass
            await asyncio.sleep(1)

    async def kill(self, seconds: float, kills: int) -> None:
        for _ in range(kills):
            await asyncio.sleep(seconds / (kills + 1))
            await asyncio.to_thread(self.server.restart)

    async def settle(self) -> None:
        """Waits until every accepted job has ended, and reads what is left in the mailbox."""
        for peer in (*self.sockets, *self.twins):
            peer.paused.set()
        open_jobs, until = dict(self.ledger.jobs), time.monotonic() + SETTLE_SECONDS
        async with ModernClient(f"{self.server.url}/", self.token, timeout=20) as client:
            while open_jobs and time.monotonic() < until:
                for job_id in list(open_jobs):
                    told = await self.call(client, "blender_job_result", job_id=job_id)
                    if told and told["status"] in ENDED:
                        self.note_end(job_id, open_jobs.pop(job_id), told)
                    elif told and told["status"] == "not_found":
                        self.ledger.faults.append(f"{job_id} was accepted and is not there")
                        open_jobs.pop(job_id)
                await asyncio.sleep(1)
            for job_id, target in open_jobs.items():
                told = await self.call(client, "blender_job_status", job_id=job_id) or {}
                self.ledger.faults.append(f"{job_id} for {target} never ended: {told.get('status')}")
            while (after := await self.read_mail(client, self.after)) != self.after:
                self.after = after

    def note_end(self, job_id: str, target: str, told: dict[str, Any]) -> None:
        self.ledger.states[told["status"]] += 1
        if told["status"] == "completed" and told["result"] != result_of(job_id, target):
            self.ledger.faults.append(f"{job_id} has the result {told['result'][:80]!r} of another")

    def check(self) -> None:
        ledger = self.ledger
        for peer in self.sockets:
            doubled = [job for (_, job), count in peer.runs.items() if count > 1 and peer.acknowledges]
            ledger.faults += [f"{job} ran twice at {peer.uuid}" for job in doubled]
        for job_id in ledger.cancelled:
            ran = [peer.uuid for peer in self.sockets for (_, job) in peer.runs if job == job_id]
            if ran and ledger.states["cancelled"] == 0:
                ledger.faults.append(f"{job_id} was cancelled and ran at {ran[0]}")
        for peer in (*self.sockets, *self.twins):
            if peer.closes[1011]:
                ledger.faults.append(f"{peer.uuid} was closed with 1011, {peer.closes[1011]} times")
        missing = sorted(set(ledger.mails) - set(ledger.received))
        if missing:
            ledger.faults.append(f"messages that were accepted and never came: {missing[:10]}")
        if ledger.received != sorted(set(ledger.received)):
            ledger.faults.append("messages came twice or out of order")
        errors = [line for line in self.server.log.read_text(errors="replace").splitlines() if ERRORS.search(line)]
        ledger.faults += [f"log: {line[:200]}" for line in errors[:5]]

    def table(self) -> str:
        closes: Counter[int] = Counter()
        for peer in (*self.sockets, *self.twins):
            closes.update(peer.closes)
        states = ", ".join(f"{name} {count}" for name, count in sorted(self.ledger.states.items()))
        rows = [
            ("calls tried", str(self.ledger.tried)),
            ("answers cut", str(self.ledger.cut)),
            ("jobs accepted", str(len(self.ledger.jobs))),
            ("ended", states),
            ("runs at peers", str(sum(sum(peer.runs.values()) for peer in (*self.sockets, *self.twins, *self.https)))),
            ("messages accepted, received", f"{len(self.ledger.mails)}, {len(self.ledger.received)}"),
            ("closes by code", ", ".join(f"{code}: {count}" for code, count in sorted(closes.items()))),
            ("faults", str(len(self.ledger.faults))),
        ]
        return "\n".join(f"{name:28} {value}" for name, value in rows)


async def torture(folder: Path, *, seconds: float, seed: int, kills: int, serve: bool = False) -> tuple[Ledger, str]:
    with Served(folder) if serve else Workerd(folder) as server:
        run = Torture(server, seed)
        ledger = await run.run(seconds, kills)
        return ledger, run.table()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--serve", action="store_true", help="of `npm run serve`, which is killed with SIGKILL")
    options = parser.parse_args()
    seed = random.SystemRandom().getrandbits(32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        made = torture(Path(folder), seconds=options.minutes * 60, seed=seed, kills=options.kills, serve=options.serve)
        ledger, table = asyncio.run(made)
        print(table)
        for fault in ledger.faults[:50]:
            print(f"FAULT {fault}")
    return 1 if ledger.faults else 0


if __name__ == "__main__":
    sys.exit(main())
