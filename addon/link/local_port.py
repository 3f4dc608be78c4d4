"""The local port: MCP servers on this computer reach Blender on 127.0.0.1 (three framings, see local_framing; no bpy).

One thread with an event loop of its own serves every client. A request becomes a job of the main-thread queue, and the
next request of the same connection is read only when the reply is on its way, so replies are in order and a client that
floods is slowed down by its own socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hmac
import itertools
import json
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .local_framing import BadRequest, Framing, Request, RequestReader, failure, success
from .local_jobs import COMMANDS as STARTED
from .local_jobs import StartedJobs
from .neighbours import is_of_another_user
from .queue.main_thread import MainThreadQueue, QueueFull, Route, Runner
from .records import DEFAULT_PRIORITY, MAX_NAME_CHARS, Job, local_origin

HOST = "127.0.0.1"
DEFAULT_PORT = 9876
MAX_CONNECTIONS = 64
INCOMPLETE_TIMEOUT = 10.0
SEND_TIMEOUT = 60.0
START_TIMEOUT = 5.0
DESERTED_INTERVAL = 0.25
READ_BYTES = 262_144
# The job of a NUL-framed request; it carries more than execute_code, so it is not one of the commands.
EXECUTE = "local:execute"


class PortUnavailable(Exception):
    """The port cannot be opened; the message is for the user."""


@dataclass(eq=False, slots=True)
class _Client:
    number: int
    stream: asyncio.StreamReader
    writer: asyncio.StreamWriter
    reader: RequestReader = field(default_factory=RequestReader)
    # It has shown the secret, or need not.
    welcome: bool = False


class LocalPort:
    """The server of one port. `start` and `stop` may be called again and again, from one thread."""

    def __init__(self, queue: MainThreadQueue, run: Runner, port: int = DEFAULT_PORT, secret: str = "") -> None:
        self.port = port
        self._queue = queue
        self._secret = secret
        self._started = StartedJobs(lambda job_id: self._queue.cancel(job_id, self._route))
        self._route = Route(run, self._answer, began=self._started.began)
        self._ids = itertools.count(1)
        self._connections = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[tuple[str, str, str]]] = {}
        self._clients: set[asyncio.Task[None]] = set()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: Callable[[], None] = lambda: None

    @property
    def running(self) -> bool:
        """Tell whether the port is open."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def clients(self) -> int:
        """How many connections are open."""
        return len(self._clients)

    def start(self) -> None:
        """Open the port; without effect while it is open. Raises PortUnavailable."""
        if self.running:
            return
        listener = _listen(self.port)
        self.port = listener.getsockname()[1]
        ready = threading.Event()
        self._thread = threading.Thread(
            target=self._serve_on_thread, args=(listener, ready), name="blender-bus-local", daemon=True
        )
        self._thread.start()
        ready.wait(START_TIMEOUT)

    def stop(self, reason: str = "The local port was closed", timeout: float = 5.0) -> bool:
        """Close the port and every connection; return whether the thread is gone. What waits to run is dropped."""
        self._queue.close(reason, self._route)
        self._stop()
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    # -- on the port's thread ------------------------------------------------------------------------------------

    def _serve_on_thread(self, listener: socket.socket, ready: threading.Event) -> None:
        with contextlib.closing(listener):
            asyncio.run(self._serve(listener, ready))

    async def _serve(self, listener: socket.socket, ready: threading.Event) -> None:
        loop = self._loop = asyncio.get_running_loop()
        stopped = asyncio.Event()

        def stop() -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(stopped.set)

        self._stop = stop
        server = await asyncio.start_server(self._connected, sock=listener, limit=READ_BYTES)
        ready.set()
        try:
            await stopped.wait()
        finally:
            server.close()
            # One turn of the loop: the answers of the jobs that were just dropped are on their way.
            await asyncio.sleep(0.05)
            for task in list(self._clients):
                task.cancel()
            await asyncio.gather(*self._clients, return_exceptions=True)
            self._waiting.clear()

    async def _connected(self, stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        client = _Client(next(self._connections), stream, writer, welcome=not self._secret)
        try:
            if is_of_another_user(writer.get_extra_info("peername")[1], self.port):
                await _send(writer, failure(Framing.BARE, "This port belongs to another user of this computer"))
                return
            if task is None or len(self._clients) >= MAX_CONNECTIONS:
                await _send(writer, failure(Framing.BARE, f"{MAX_CONNECTIONS} connections are open already"))
                return
            self._clients.add(task)
            await self._converse(client)
        except BadRequest as error:
            with contextlib.suppress(OSError, TimeoutError):
                await _send(writer, failure(client.reader.framing, str(error)))
        except (OSError, TimeoutError):
            # The client went away, or does not read its reply.
            pass
        except asyncio.CancelledError:
            # The port closes; the server's own bookkeeping would print a traceback for a cancelled task.
            pass
        finally:
            if task is not None:
                self._clients.discard(task)
            await _close(writer)

    async def _converse(self, client: _Client) -> None:
        while True:
            request = await _read_request(client.stream, client.reader)
            if request is None:
                return
            await _send(client.writer, await self._reply(client, request))
            if client.reader.framing is Framing.NUL:
                return

    async def _reply(self, client: _Client, request: Request) -> bytes:
        framing = client.reader.framing
        request_id = request.body.get("id") if framing is Framing.LINES else None
        try:
            self._admit(client, request.body)
            command, params = _work(framing, request.body)
            if framing is Framing.LINES and command in STARTED:
                told = self._started.answer(command, params, lambda params: self._start_job(client, params))
                return success(framing, json.dumps(told), request_id)
        except (BadRequest, QueueFull) as error:
            return failure(framing, str(error), request_id)
        job_id = f"local-{next(self._ids)}"
        answered = self._waiting[job_id] = asyncio.get_running_loop().create_future()
        try:
            control = self._queue.submit(_job(client, job_id, command, params), self._route)
            while not (await asyncio.wait((answered,), timeout=DESERTED_INTERVAL))[0]:
                if client.stream.at_eof() or client.stream.exception() is not None:
                    control.deserted.set()
            status, result, error_text = answered.result()
        except QueueFull as error:
            return failure(framing, str(error), request_id)
        finally:
            self._waiting.pop(job_id, None)
        if status == "completed":
            return success(framing, result, request_id)
        return failure(framing, error_text, request_id)

    def _start_job(self, client: _Client, params: dict[str, Any]) -> str:
        """Submit code that nobody waits for. Raises QueueFull."""
        job_id = f"job-{next(self._ids)}"
        self._started.expect(job_id)
        try:
            self._queue.submit(_job(client, job_id, "python.execute", params), self._route)
        except QueueFull:
            self._started.forget(job_id)
            raise
        return job_id

    def _admit(self, client: _Client, body: dict[str, Any]) -> None:
        """Let a client in that shows the secret, once for its connection. Raises BadRequest."""
        if client.welcome:
            return
        shown = body.get("secret")
        if not isinstance(shown, str) or not hmac.compare_digest(shown.encode(errors="replace"), self._secret.encode()):
            raise BadRequest('This port asks for its secret: send it as "secret" beside the first request')
        client.welcome = True

    def _answer(self, job_id: str, status: str, result: str, error: str, extra: dict[str, Any] | None = None) -> None:
        """Carry an answer from the main thread to the port's. Its protocols have no place for what is `extra`."""

        def deliver() -> None:
            if self._started.finish(job_id, status, result, error):
                return
            waiting = self._waiting.get(job_id)
            if waiting is not None and not waiting.done():
                waiting.set_result((status, result, error))

        if self._loop is not None:
            # A closed loop: the client of this job is gone with the port.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(deliver)


async def _read_request(stream: asyncio.StreamReader, reader: RequestReader) -> Request | None:
    """Return the next request; None when the client has closed, or has left one incomplete for too long."""
    loop = asyncio.get_running_loop()
    begun: float | None = None
    while True:
        request = reader.next_request()
        if request is not None:
            return request
        if reader.partial and (begun is None or reader.framing is Framing.BARE):
            # A bare client may take its time over a large request as long as something comes.
            begun = loop.time()
        try:
            async with asyncio.timeout_at(None if begun is None else begun + INCOMPLETE_TIMEOUT):
                data = await stream.read(READ_BYTES)
        except TimeoutError:
            return None
        if not data:
            return None
        reader.feed(data)


def _job(client: _Client, job_id: str, command: str, params: dict[str, Any]) -> Job:
    # A NUL-framed connection ends with its request, so these clients cannot be told apart.
    origin = local_origin("this computer")
    if client.reader.framing is not Framing.NUL:
        origin = local_origin(f"this computer, connection {client.number}", client.number)
    return Job(job_id, command, params, DEFAULT_PRIORITY, origin=origin)


def _work(framing: Framing, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return command and parameters of a request. Raises BadRequest."""
    word = "command" if framing is Framing.LINES else "type"
    kind = body.get(word)
    if framing is Framing.NUL:
        if kind != "execute":
            raise BadRequest('"type" of a NUL-terminated request must be "execute"')
        code, strict = body.get("code"), body.get("strict_json")
        if not isinstance(code, str):
            raise BadRequest('"code" must be a string')
        if not isinstance(strict, bool):
            raise BadRequest('"strict_json" must be a boolean')
        return EXECUTE, {"code": code, "strict_json": strict}
    if not isinstance(kind, str) or not 0 < len(kind) <= MAX_NAME_CHARS or kind == EXECUTE:
        raise BadRequest(f'"{word}" must be the name of a command, a string of 1 to {MAX_NAME_CHARS} characters')
    params = body.get("params")
    if params is None:
        params = {}
    if not isinstance(params, dict):
        raise BadRequest(f'"params" of {kind} must be an object')
    return kind, params


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    async with asyncio.timeout(SEND_TIMEOUT):
        writer.write(data)
        await writer.drain()


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close after what was written has left; a client that does not read it is cut off."""
    with contextlib.suppress(OSError, TimeoutError, asyncio.CancelledError):
        if writer.can_write_eof():
            writer.write_eof()
        writer.close()
        async with asyncio.timeout(1.0):
            await writer.wait_closed()
            return
    writer.transport.abort()


def _listen(port: int) -> socket.socket:
    """Return the listening socket. Raises PortUnavailable."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "nt":
            # On Windows SO_REUSEADDR would let two programs share the port, and either could take the other's clients.
            listener.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE"), 1)  # noqa: B009
        else:
            # On POSIX it lets a restarted Blender have the port back while old connections are in TIME_WAIT.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(MAX_CONNECTIONS)
        listener.setblocking(False)
    except (OSError, OverflowError) as error:
        listener.close()
        raise PortUnavailable(_why(port, error)) from None
    return listener


def _why(port: int, error: Exception) -> str:
    number = getattr(error, "errno", None)
    taken = (
        f"Port {port} is taken: another Blender, or another add-on, serves it. Stop that one, or choose another port"
    )
    if number == errno.EADDRINUSE:
        return taken
    if number in (errno.EACCES, errno.EPERM):
        # Windows says so for a port that somebody holds exclusively.
        return taken if os.name == "nt" else f"Port {port} needs more rights than Blender has; choose one above 1023"
    return f"Port {port} cannot be opened: {error}"
