"""Documents of others, as the Worker fetches them in a test."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from harness.elsewhere import Elsewhere


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


class Outside(Elsewhere):
    """`answers` by URL; `asked` holds the URLs that were fetched, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        if request.command != "GET":
            return request.send_error(501)
        url = self.origin(request) + request.path
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
