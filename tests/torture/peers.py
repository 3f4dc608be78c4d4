"""Blenders of every kind, which come and go, crash and answer twice: with and without `job_ack`, and over HTTP."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections import Counter
from contextlib import suppress
from typing import Any

import httpx
from harness.mcp import LegacySession
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

LOST = (
    ConnectionError,
    ConnectionClosed,
    InvalidHandshake,
    OSError,
    TimeoutError,
    EOFError,
    httpx.HTTPError,
    RuntimeError,
)
RETRY_SECONDS = 0.1
Message = dict[str, Any]


def result_of(job_id: str, uuid: str) -> str:
    return f"{job_id} by {uuid}"


class SocketPeer:
    """A peer on a WebSocket.

    With `acknowledges` it keeps the promises of `job_ack`: it runs nothing twice in one process, and sends an answer
    until the bus has taken it.
    """

    def __init__(self, ws_url: str, token: str, uuid: str, dice: random.Random, *, acknowledges: bool) -> None:
        self.ws_url, self.token, self.uuid, self.dice, self.acknowledges = ws_url, token, uuid, dice, acknowledges
        self.runs: Counter[tuple[str, str]] = Counter()  # (process, job)
        self.closes: Counter[int] = Counter()
        self.paused = asyncio.Event()
        self.paused.set()
        self._socket: ClientConnection | None = None
        self._ids = itertools.count(1)
        self._sent: dict[int, str] = {}
        self.start_process()

    def start_process(self) -> None:
        """The program starts anew: it knows nothing of what it did before."""
        self.instance = f"{self.dice.getrandbits(64):016x}"
        self._seen: set[str] = set()
        self._open: set[str] = set()
        self._answers: dict[str, str] = {}

    async def live(self) -> None:
        while True:
            await self.paused.wait()
            with suppress(*LOST):
                await self._connection()
            await asyncio.sleep(RETRY_SECONDS)

    async def drop(self) -> None:
        if self._socket is not None:
            self._socket.transport.abort()

    async def crash(self) -> None:
        await self.drop()
        self.start_process()

    async def _connection(self) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        protocols = [Subprotocol("mcp")]
        async with connect(
            self.ws_url,
            additional_headers=headers,
            subprotocols=protocols,
            max_size=None,
            ping_interval=None,
            open_timeout=5,
            close_timeout=1,
        ) as socket:
            self._socket = socket
            self._sent.clear()
            await self._register(socket)
            try:
                async for frame in socket:
                    await self._take(socket, json.loads(frame))
            finally:
                self._socket = None
                self.closes[socket.close_code or 1006] += 1

    async def _register(self, socket: ClientConnection) -> None:
        arguments: Message = {"client_uuid": self.uuid, "client_type": "blender", "is_persistent": True}
        if self.acknowledges:
            open_jobs = [*self._open, *self._answers]
            arguments |= {"capabilities": ["job_ack"], "instance_id": self.instance, "open_jobs": open_jobs}
        await self._call(socket, "blender_register_client", arguments, "")
        for job_id in list(self._answers):
            await self._answer(socket, job_id)

    async def _call(self, socket: ClientConnection, tool: str, arguments: Message, job_id: str) -> None:
        number = next(self._ids)
        self._sent[number] = job_id
        params = {"name": tool, "arguments": arguments}
        await socket.send(json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}))

    async def _answer(self, socket: ClientConnection, job_id: str) -> None:
        arguments = {"job_id": job_id, "status": "completed", "result": self._answers[job_id]}
        await self._call(socket, "blender_job_update", arguments, job_id)

    async def _take(self, socket: ClientConnection, message: Message) -> None:
        if "method" not in message:
            self._answers.pop(self._sent.pop(message.get("id") or 0, ""), None)
            return
        payload = message.get("params", {}).get("data", {}).get("payload", {})
        if message["method"] != "notifications/message" or payload.get("message_type") != "command_dispatch":
            return
        job_id = payload["job_id"]
        if self.acknowledges:
            params = {"progressToken": job_id, "progress": 0, "total": 100}
            await socket.send(json.dumps({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}))
            if job_id in self._seen:
                return
        self._seen.add(job_id)
        self._open.add(job_id)
        self.runs[self.instance, job_id] += 1
        asyncio.get_running_loop().create_task(self._work(self.instance, job_id))

    async def _work(self, instance: str, job_id: str) -> None:
        await asyncio.sleep(self.dice.choice((0, 0, 0.01, 0.1, 0.5)))
        if instance != self.instance:
            return  # this process has died
        self._open.discard(job_id)
        self._answers[job_id] = result_of(job_id, self.uuid)
        if (socket := self._socket) is not None:
            with suppress(*LOST):
                await self._answer(socket, job_id)
                if self.dice.random() < 0.05:
                    await self._answer(socket, job_id)  # a peer that answers twice
        if not self.acknowledges:
            self._answers.pop(job_id, None)  # a plain peer sends its answer once


class HttpPeer:
    """A Blender that is an MCP client.

    It registers in a session, hears of jobs on its stream and answers by POST until that is taken.
    """

    def __init__(self, url: str, token: str, uuid: str, dice: random.Random) -> None:
        self.url, self.token, self.uuid, self.dice = url, token, uuid, dice
        self.runs: Counter[tuple[str, str]] = Counter()
        self.closes: Counter[int] = Counter()

    async def live(self) -> None:
        while True:
            with suppress(*LOST):
                async with LegacySession(f"{self.url}/mcp", self.token) as session:
                    registration = {"client_uuid": self.uuid, "client_type": "blender", "is_persistent": True}
                    await session.call("blender_register_client", **registration)
                    last = None
                    while True:
                        last = await self._stream(session, last)
            await asyncio.sleep(RETRY_SECONDS)

    async def _stream(self, session: LegacySession, last: str | None) -> str | None:
        with suppress(*LOST[:-1]):
            async for event in session.stream(last_event_id=last):
                last = event.id or last
                payload = event.message.get("params", {}).get("data", {}).get("payload", {}) if event.data else {}
                if payload.get("message_type") == "command_dispatch":
                    self.runs["http", payload["job_id"]] += 1
                    job_id = payload["job_id"]
                    await self._answer(session, job_id)
        await asyncio.sleep(RETRY_SECONDS)
        return last

    async def _answer(self, session: LegacySession, job_id: str) -> None:
        """Sends the answer until the bus has taken it."""
        update = {"job_id": job_id, "status": "completed", "result": result_of(job_id, self.uuid)}
        for _ in range(50):
            with suppress(*LOST):
                if (await session.call("blender_job_update", **update)).status == 200:
                    return
            await asyncio.sleep(RETRY_SECONDS)
