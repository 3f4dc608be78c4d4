"""A proxy in front of the Worker: it adds a token for clients that cannot send one, and keeps what was said.

Streams pass through chunk by chunk, and an end on either side ends the other.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

METHODS = ["GET", "POST", "DELETE", "OPTIONS", "PUT", "HEAD"]
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "proxy-authorization", "te", "trailer"}
START_SECONDS = 10.0


@dataclass
class Exchange:
    """One HTTP request and what the server answered to it, headers with lower-case names."""

    method: str
    path: str
    request_headers: dict[str, str]
    request_body: bytes
    status: int = 0
    response_headers: dict[str, str] = field(default_factory=dict)
    response_body: bytearray = field(default_factory=bytearray)

    def sent(self) -> list[dict[str, Any]]:
        """The JSON-RPC messages of the client."""
        try:
            return _messages(self.request_body)
        except ValueError:
            return []

    def received(self) -> list[dict[str, Any]]:
        """The JSON-RPC messages of the server, whether they came as JSON or as events."""
        kind = self.response_headers.get("content-type", "")
        if kind.startswith("application/json"):
            return _messages(bytes(self.response_body))
        if not kind.startswith("text/event-stream"):
            return []
        whole, _, _cut = bytes(self.response_body).rpartition(b"\n\n")
        data = [line[5:].strip() for line in whole.split(b"\n") if line.startswith(b"data:")]
        return [message for text in data if text for message in _messages(text)]


def _messages(text: bytes) -> list[dict[str, Any]]:
    parsed = json.loads(text) if text else []
    return [message for message in (parsed if isinstance(parsed, list) else [parsed]) if isinstance(message, dict)]


class RecordingProxy:
    """Listens on a free port of loopback while it is entered; `exchanges` is what passed through."""

    def __init__(self, upstream: str, *, token: str | None = None) -> None:
        self.upstream, self.token = upstream, token
        self.exchanges: list[Exchange] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        routes = [Route("/{path:path}", self._pass_on, methods=METHODS)]
        config = uvicorn.Config(
            Starlette(routes=routes),
            log_level="error",
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=300,  # a client must not meet a connection that is just being closed
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the proxy did not start")
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(START_SECONDS)
        self._socket.close()

    async def _pass_on(self, request: Request) -> Response:
        headers = {name: value for name, value in request.headers.items() if name not in HOP_BY_HOP}
        if urlsplit(f"//{headers.get('host', '')}").port == self.port:
            headers["host"] = headers["host"].replace(f":{self.port}", f":{urlsplit(self.upstream).port}")
        if self.token is not None and request.url.path in ("/", "/mcp"):
            headers.setdefault("authorization", f"Bearer {self.token}")
        headers["accept-encoding"] = "identity"
        exchange = Exchange(request.method, request.url.path, headers, await request.body())
        self.exchanges.append(exchange)
        query = f"?{request.url.query}" if request.url.query else ""
        http = httpx.AsyncClient(timeout=None)
        asked = http.build_request(
            request.method, f"{self.upstream}{request.url.path}{query}", headers=headers, content=exchange.request_body
        )
        answer = await http.send(asked, stream=True)
        exchange.status = answer.status_code
        exchange.response_headers = {name: value for name, value in answer.headers.items() if name not in HOP_BY_HOP}

        async def chunks() -> AsyncIterator[bytes]:
            try:
                async for chunk in answer.aiter_raw():
                    exchange.response_body += chunk
                    yield chunk
            finally:
                await answer.aclose()
                await http.aclose()

        return StreamingResponse(chunks(), exchange.status, exchange.response_headers)
