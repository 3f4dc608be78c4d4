"""The bus's end of the peer protocol on loopback, small and scriptable: what the link's I/O is tested against.

It keeps no jobs and routes nothing; it registers peers, hands over records, and notes every frame it gets.
"""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

TOKEN = "good-token"


def tool_result(document: dict[str, Any], is_error: bool = False) -> dict[str, Any]:
    """Return an MCP tool result around a document."""
    content = [{"type": "text", "text": json.dumps(document)}]
    return {"content": content, "structuredContent": document, "isError": is_error}


def record(payload: dict[str, Any], priority: int = 6, place: str | None = None, sender: Any = None) -> str:
    """Return the frame of a bus record; `sender` is what the bus says of who sent it."""
    data = {
        "user_id": "u1",
        "from_uuid": "server:u1",
        "target_uuid": "blender-test",
        "routing": {"type": "direct", "target_uuid": "blender-test"},
        "payload": payload,
        "job_id": payload.get("job_id"),
        "message_id": "m-1",
        "priority": priority,
        "timestamp": 1790000000.5,
    }
    params: dict[str, Any] = {"level": "info", "logger": "_message_bus", "data": data}
    meta = {"blender-bus/place": place, "blender-bus/sender": sender}
    if place is not None or sender is not None:
        params["_meta"] = {key: value for key, value in meta.items() if value is not None}
    return json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": params})


def _has_no_files(sock: socket.socket) -> bool:
    """Answer whoever brings a file as a bus does that takes none; websockets alone would hang up without a word."""
    sock.settimeout(10.0)
    with contextlib.suppress(OSError):
        if sock.recv(5, socket.MSG_PEEK) != b"POST ":
            sock.settimeout(None)
            return False
    with sock, contextlib.suppress(OSError):
        sock.recv(65_536)
        sock.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    return True


class BusDouble:
    """A server on a free port of 127.0.0.1; use as a context manager."""

    def __init__(self, port: int = 0) -> None:
        self.tokens = {TOKEN}
        self.registrations: queue.Queue[dict[str, Any]] = queue.Queue()
        self.updates: queue.Queue[dict[str, Any]] = queue.Queue()
        self.progress: queue.Queue[dict[str, Any]] = queue.Queue()
        self.refusal: Callable[[Request], Response | None] = lambda request: None
        self.received: queue.Queue[dict[str, Any]] = queue.Queue()
        self.answer_updates = True
        self.registration_refusal = ""
        self.after_registration: list[str | bytes] = []
        self.requests: list[Request] = []
        self.replies: queue.Queue[dict[str, Any]] = queue.Queue()
        self.live: ServerConnection | None = None
        self._jobs = 0
        self._server = serve(
            self._talk,
            "127.0.0.1",
            port,
            subprotocols=["mcp"],  # type: ignore[list-item]
            process_request=self._process_request,
            max_size=32 * 1_048_576,
            ping_interval=None,
            compression=None,
        )
        self._handshake = self._server.handler
        self._server.handler = self._accept
        self.port = self._server.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def _accept(self, sock: socket.socket, address: Any) -> None:
        if not _has_no_files(sock):
            self._handshake(sock, address)
            return
        with self._server.lock:
            self._server.handler_threads.discard(threading.current_thread())

    def __enter__(self) -> BusDouble:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._server.shutdown()
        self._thread.join(5)

    def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        refused = self.refusal(request)
        if refused is not None:
            return refused
        if request.path != "/ws":
            return http_answer(HTTPStatus.NOT_FOUND)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self.tokens:
            return http_answer(HTTPStatus.UNAUTHORIZED)
        return None

    def _talk(self, connection: ServerConnection) -> None:
        try:
            for frame in connection:
                if frame == "ping":
                    connection.send("pong")
                else:
                    self._frame(connection, json.loads(frame))
        except ConnectionClosed:
            pass

    def _frame(self, connection: ServerConnection, message: dict[str, Any]) -> None:
        method = message.get("method")
        if method == "notifications/progress":
            self.progress.put(message["params"])
        elif method == "notifications/received":
            self.received.put(message["params"])
        elif method == "tools/call":
            self._call(connection, message["id"], message["params"]["name"], message["params"]["arguments"])
        else:
            self.replies.put(message)

    def _call(self, connection: ServerConnection, call_id: int, tool: str, arguments: dict[str, Any]) -> None:
        if tool == "blender_register_client" and self.registration_refusal:
            self._reply(connection, call_id, {"status": "error", "error": self.registration_refusal})
        elif tool == "blender_register_client":
            client = {"uuid": arguments["client_uuid"], "client_type": "blender", "connected": True}
            self._reply(connection, call_id, {"status": "ok", "client": client})
            for frame in self.after_registration:
                connection.send(frame)
            self.live = connection
            self.registrations.put(arguments)
        elif tool == "blender_job_update":
            self.updates.put(arguments)
            if self.answer_updates:
                self._reply(connection, call_id, {"status": "ok", "delivered": "direct", "targets": ["server:u1"]})

    def _reply(self, connection: ServerConnection, call_id: int, document: dict[str, Any]) -> None:
        connection.send(json.dumps({"jsonrpc": "2.0", "id": call_id, "result": tool_result(document)}))

    # -- for tests -----------------------------------------------------------------------------------------------

    def registered(self, timeout: float = 10.0) -> dict[str, Any]:
        """Wait for the next registration and return its arguments."""
        return self.registrations.get(timeout=timeout)

    def send(self, frame: str | bytes) -> None:
        """Send a raw frame to the peer."""
        assert self.live is not None
        self.live.send(frame)

    def dispatch(self, command: str, params: dict[str, Any] | None = None, job_id: str | None = None) -> str:
        """Send a job and return its id."""
        self._jobs += 1
        job_id = job_id or f"j-{self._jobs:012x}"
        payload = {"message_type": "command_dispatch", "job_id": job_id, "command": command, "params": params or {}}
        self.send(record(payload))
        return job_id

    def ask(self, command: str, timeout: float = 60.0, **params: Any) -> dict[str, Any]:
        """Send a job and return the update that answers it."""
        job_id = self.dispatch(command, params)
        until = time.monotonic() + timeout
        while True:
            update = self.updates.get(timeout=max(0.1, until - time.monotonic()))
            if update["job_id"] == job_id:
                return update

    def close(self, code: int, reason: str = "") -> None:
        """Close the peer's socket with a code."""
        assert self.live is not None
        self.live.close(code, reason)

    def cut(self) -> None:
        """Tear the connection down without a word, as a network that goes away."""
        if self.live is not None:
            with contextlib.suppress(OSError):
                self.live.socket.shutdown(socket.SHUT_RDWR)
            self.live = None


def http_answer(status: HTTPStatus, body: bytes = b"", **headers: str) -> Response:
    """Return an HTTP answer."""
    fields = Headers({"Content-Length": str(len(body)), "Connection": "close"})
    for name, value in headers.items():
        fields[name] = value
    return Response(status.value, status.phrase, fields, body)
