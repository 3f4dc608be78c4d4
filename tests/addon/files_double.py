"""A server of files on loopback that can be made to misbehave: what the transfers have to put up with.

Where it behaves, tests/files/test_carrier.py holds the same transfers against the real server.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "good-token"


@dataclass
class Stored:
    """A file, or an upload that is not whole yet."""

    about: dict[str, Any]
    data: bytes = b""

    @property
    def whole(self) -> bool:
        return len(self.data) == self.about["bytes"]


@dataclass
class FilesDouble:
    """`fault` is asked before each request, with its method and how many of the kind came before; True: it has dealt
    with the request itself."""

    files: dict[str, Stored] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=lambda: {TOKEN})
    fault: Callable[[Any, str, int], bool] = lambda handler, method, count: False
    open_now: int = 0
    most_open: int = 0

    def __enter__(self) -> FilesDouble:
        double = self

        class Handler(_Handler):
            files = double

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def put(self, data: bytes, name: str = "a.bin") -> str:
        """Offer a file; return its id."""
        file_id = f"f-{len(self.files):022}"
        self.files[file_id] = Stored({"name": name, "bytes": len(data), "mime_type": "model/gltf-binary"}, data)
        return file_id

    def count(self, method: str) -> int:
        return sum(1 for asked, _ in self.seen if asked == method)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    files: FilesDouble

    def log_message(self, format: str, *args: Any) -> None:
        return None

    def _serve(self) -> None:
        double = self.files
        count = double.count(self.command)
        double.seen.append((self.command, self.path))
        double.open_now += 1
        double.most_open = max(double.most_open, double.open_now)
        self.close_connection = True
        try:
            if double.fault(self, self.command, count):
                return
            if self.headers.get("Authorization") not in {f"Bearer {token}" for token in double.tokens}:
                self._body()
                self.answer(401, {"error": "invalid_token"})
                return
            getattr(self, f"_{self.command.lower()}")()
        finally:
            double.open_now -= 1

    do_GET = do_HEAD = do_POST = do_PATCH = _serve

    def answer(self, status: int, document: Any = None, headers: dict[str, str] | None = None) -> None:
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def cut(self) -> None:
        """Hang up without a word."""
        self.connection.shutdown(2)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _found(self) -> Stored | None:
        return self.files.files.get(self.path.removeprefix("/files/"))

    def _post(self) -> None:
        about = json.loads(self._body())
        file_id = f"f-{len(self.files.files):022}"
        self.files.files[file_id] = Stored(about)
        self.answer(201, {"file_id": file_id, "upload_url": f"{self.path}/{file_id}", "expires_at": 0})

    def _head(self) -> None:
        stored = self._found()
        if stored is None:
            self.answer(404)
        elif stored.whole:
            self.answer(200, None, {"ETag": f'"{hashlib.sha256(stored.data).hexdigest()}"'})
        else:
            self.answer(
                200, None, {"Upload-Offset": str(len(stored.data)), "Upload-Length": str(stored.about["bytes"])}
            )

    def _patch(self) -> None:
        stored, body = self._found(), self._body()
        if stored is None:
            self.answer(404, {"error": "not_found", "error_description": "no such upload"})
            return
        if int(self.headers["Upload-Offset"]) != len(stored.data):
            self.answer(409, {"error": "conflict", "error_description": f"the upload is at {len(stored.data)}"})
            return
        stored.data += body
        headers = {"Upload-Offset": str(len(stored.data))}
        if stored.whole:
            digest = hashlib.sha256(stored.data).hexdigest()
            if digest != stored.about["sha256"]:
                stored.data = b""
                self.answer(400, {"error": "checksum_mismatch", "error_description": f"the sha256 is {digest}"})
                return
            file_id = self.path.removeprefix("/files/")
            headers["Blender-Bus-File"] = json.dumps({"file_id": file_id, "url": "https://x", **stored.about})
        self.answer(204, None, headers)

    def _get(self) -> None:
        stored = self._found()
        if stored is None:
            self.answer(404, {"error": "not_found"})
            return
        etag = f'"{hashlib.sha256(stored.data).hexdigest()}"'
        data, status = stored.data, 200
        headers = {"ETag": etag, "Content-Type": stored.about["mime_type"]}
        headers["Content-Disposition"] = f'attachment; filename="{stored.about["name"]}"'
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted and self.headers.get("If-Range", etag) == etag:
            begin = int(wanted[1])
            headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
            data, status = data[begin:], 206
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
