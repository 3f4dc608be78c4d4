"""The internet as the Worker meets it in a test: one server that answers for every https host, as it is told to."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass
class Answer:
    """What is said at one URL.

    `body`: bytes as they are, anything else as JSON. `pauses`: seconds before the headers, and amid the body.
    """

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    pauses: tuple[float, float] = (0, 0)

    def data(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Outside:
    """`answers` by URL; `asked` holds the URLs that were fetched, in order."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        outside = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outside.answer(self)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        url = f"{request.headers['X-Forwarded-Proto']}://{request.headers['Host']}{request.path}"
        self.asked.append(url)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        answer = self.answers.get(url, Answer(b"not found", 404, {"Content-Type": "text/plain"}))
        data, (before, within) = answer.data(), answer.pauses
        try:
            time.sleep(before)
            request.send_response(answer.status)
            for name, value in {"Content-Length": str(len(data)), **answer.headers}.items():
                request.send_header(name, value)
            request.end_headers()
            half = len(data) // 2
            request.wfile.write(data[:half])
            request.wfile.flush()
            time.sleep(within)
            request.wfile.write(data[half:])
        except (BrokenPipeError, ConnectionResetError):
            pass  # whoever asked has had enough

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
