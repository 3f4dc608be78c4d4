"""The internet as the Worker meets it in a test: one server on loopback that answers for every https host."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class Elsewhere:
    """To be told by `serve` what to say. `Workerd(outbound=elsewhere.address)` leads every call of the Worker to it."""

    def __init__(self) -> None:
        elsewhere = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                elsewhere.serve(self)

            do_GET = do_POST = do_PUT = do_HEAD = _serve

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @staticmethod
    def origin(request: BaseHTTPRequestHandler) -> str:
        """Whom the request was meant for."""
        return f"{request.headers['X-Forwarded-Proto']}://{request.headers['Host']}"

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        """Answers a request, in a thread of its own."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
