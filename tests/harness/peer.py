"""A peer as docs/peer-protocol.md describes it, for tests: it registers, answers jobs, and misbehaves when told to."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import json
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

MAX_FRAME = 32 * 1024 * 1024
CALL_SECONDS = 10.0

Payload = dict[str, Any]
# Takes a job's payload (`command` and `params`, or `script`) and returns its result: text, or anything JSON can hold.
Handler = Callable[[Payload], Any | Awaitable[Any]]


class ToolRefused(Exception):
    """The bus answered a tool call with `isError`, or with a JSON-RPC error."""


class Peer:
    """One client of the bus on a WebSocket.

    With a `handler`, jobs are answered as they come, one after the other; a handler that raises makes the job fail with
    its traceback. Without one they wait in `jobs` for the test. `acknowledge=False` leaves out `job_ack` and the
    progress notification that goes with it.
    """

    def __init__(
        self,
        ws_url: str,
        token: str | None,
        uuid: str = "blender-test",
        *,
        handler: Handler | None = None,
        client_type: str = "blender",
        persistent: bool = True,
        group_id: str | None = None,
        capabilities: Sequence[str] = (),
        acknowledge: bool = True,
    ) -> None:
        self.ws_url, self.token, self.uuid = ws_url, token, uuid
        self.registration = {
            "client_uuid": uuid,
            "client_type": client_type,
            "is_persistent": persistent,
            "group_id": group_id,
            "capabilities": [*capabilities, *(["job_ack"] if acknowledge else [])],
        }
        self.handler, self.acknowledge = handler, acknowledge
        self.jobs: asyncio.Queue[Payload] = asyncio.Queue()
        self.records: asyncio.Queue[Payload] = asyncio.Queue()  # every record, jobs included
        self.cancelled: list[str] = []
        self.seen: set[str] = set()
        self.socket: ClientConnection | None = None
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Payload]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def connect(self, *, register: bool = True) -> None:
        """Opens the socket, anew after a loss, and registers."""
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        self.socket = await connect(
            self.ws_url,
            additional_headers=headers,
            subprotocols=[Subprotocol("mcp")],
            max_size=MAX_FRAME,
            ping_interval=None,
            close_timeout=2,
            compression=None,
        )
        self._tasks = [asyncio.create_task(self._read(self.socket))]
        if self.handler is not None:
            self._tasks.append(asyncio.create_task(self._work(self.handler)))
        if register:
            await self.call("blender_register_client", **self.registration)

    async def _read(self, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            async for frame in socket:
                if frame != "pong":
                    await self._take(json.loads(frame))
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError(f"closed with {socket.close_code} {socket.close_reason}"))

    async def _take(self, message: Payload) -> None:
        if "method" not in message:
            waiting = self._waiting.pop(message.get("id") or 0, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
        elif message["method"] == "notifications/cancelled":
            self.cancelled.append(message["params"]["requestId"])
        elif message["method"] == "notifications/message":
            record = message["params"]["data"]
            self.records.put_nowait(record)
            payload = record["payload"]
            if isinstance(payload, dict) and payload.get("message_type") in ("command_dispatch", "job_dispatch"):
                await self._accept(payload)

    async def _accept(self, payload: Payload) -> None:
        job_id = payload["job_id"]
        if self.acknowledge:
            await self.progress(job_id, 0)
            if job_id in self.seen:
                return
        self.seen.add(job_id)
        self.jobs.put_nowait(payload)

    async def _work(self, handler: Handler) -> None:
        with suppress(ConnectionError, ConnectionClosed):
            while True:
                job = await self.jobs.get()
                try:
                    result = handler(job)
                    result = await result if inspect.isawaitable(result) else result
                except Exception:
                    await self.update(job["job_id"], "failed", error=traceback.format_exc())
                else:
                    text = result if isinstance(result, str) else json.dumps(result)
                    await self.update(job["job_id"], "completed", result=text)

    async def request(self, method: str, params: Mapping[str, Any] | None = None) -> Payload:
        """Sends a JSON-RPC request and waits for the whole response."""
        identifier = next(self._ids)
        self._waiting[identifier] = asyncio.get_running_loop().create_future()
        await self.send({"jsonrpc": "2.0", "id": identifier, "method": method, "params": dict(params or {})})
        return await asyncio.wait_for(self._waiting[identifier], CALL_SECONDS)

    async def call(self, tool: str, /, **arguments: Any) -> Payload:
        """Calls a bus tool and returns its document; raises ToolRefused with what the bus said."""
        response = await self.request("tools/call", {"name": tool, "arguments": arguments})
        result = response.get("result")
        if not isinstance(result, dict) or result.get("isError"):
            raise ToolRefused(json.dumps(response))
        document = result["structuredContent"]
        assert json.loads(result["content"][0]["text"]) == document
        assert isinstance(document, dict)
        return document

    async def update(self, job_id: str, status: str, result: str = "", error: str = "") -> Payload:
        return await self.call("blender_job_update", job_id=job_id, status=status, result=result, error=error)

    async def progress(self, job_id: str, percent: float, message: str | None = None) -> None:
        params: Payload = {"progressToken": job_id, "progress": percent, "total": 100}
        if message is not None:
            params["message"] = message
        await self.send({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})

    async def send(self, message: Payload) -> None:
        await self.send_raw(json.dumps(message))

    async def send_raw(self, frame: str | bytes) -> None:
        """Any frame, sense or nonsense; bytes make a binary frame."""
        assert self.socket is not None, "not connected"
        await self.socket.send(frame)

    async def next_job(self, seconds: float = 5.0) -> Payload:
        return await asyncio.wait_for(self.jobs.get(), seconds)

    async def next_record(self, seconds: float = 5.0) -> Payload:
        return await asyncio.wait_for(self.records.get(), seconds)

    async def closed(self, seconds: float = 5.0) -> tuple[int | None, str | None]:
        """Waits for the other side to close; returns the close code and reason."""
        assert self.socket is not None, "not connected"
        await asyncio.wait_for(self.socket.wait_closed(), seconds)
        return self.socket.close_code, self.socket.close_reason

    async def drop(self) -> None:
        """Cuts the connection without a close frame, as a pulled cable or a killed Blender does."""
        assert self.socket is not None, "not connected"
        self.socket.transport.abort()
        await self._stop()

    async def close(self) -> None:
        """Leaves in an orderly way; what the peer had not answered stays unanswered."""
        if self.socket is not None:
            await self.socket.close()
        await self._stop()

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
