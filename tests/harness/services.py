"""An asset service on loopback: documents and files by path, and requests noted, keys included."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Served:
    """One answer. `announced` is the length that is claimed, where it differs from the true one."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    announced: int | None = None


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class ServiceDouble:
    """Use as a context manager; `answers` is by path, without the query."""

    def __init__(self) -> None:
        self.answers: dict[str, Served | Callable[[Asked], Served]] = {}
        self.asked: list[Asked] = []
        self.hold = threading.Event()
        self.hold.set()
        double = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                asked = Asked(self.command, parts.path, query, dict(self.headers), body)
                double.asked.append(asked)
                double.hold.wait(30)
                found = double.answers.get(parts.path, Served(b'{"detail": "Not found"}', 404))
                answer = found(asked) if callable(found) else found
                self.send_response(answer.status)
                length = len(answer.body) if answer.announced is None else answer.announced
                for name, value in {"Content-Length": str(length), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = _serve

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> ServiceDouble:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()

    def document(self, path: str, document: Any, status: int = 200, **headers: str) -> None:
        """Answer `path` with JSON."""
        self.answers[path] = Served(json.dumps(document).encode(), status, headers)

    def file(self, path: str, body: bytes) -> dict[str, Any]:
        """Serve a file and return what Poly Haven tells of it."""
        self.answers[path] = Served(body)
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
        return {"url": f"{self.url}{path}", "md5": digest, "size": len(body)}
