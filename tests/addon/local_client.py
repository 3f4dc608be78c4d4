"""A client of the local port, in both framings."""

from __future__ import annotations

import json
import socket
from typing import Any


class LocalClient:
    """One connection; use as a context manager."""

    def __init__(self, port: int, timeout: float = 30.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._rest = b""

    def __enter__(self) -> LocalClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes | dict[str, Any]) -> None:
        self.socket.sendall(data if isinstance(data, bytes) else json.dumps(data).encode())

    def reply(self) -> dict[str, Any]:
        """Read one bare reply, byte-exact: nothing may stand between two replies."""
        while True:
            text = self._rest.decode("utf-8", "ignore")
            try:
                document, end = json.JSONDecoder().raw_decode(text)
            except ValueError:
                data = self.socket.recv(1_048_576)
                assert data, f"closed after {self._rest[:200]!r}"
                self._rest += data
            else:
                self._rest = self._rest[len(text[:end].encode()) :]
                return document

    def ask(self, command: str, **params: Any) -> dict[str, Any]:
        self.send({"type": command, "params": params})
        return self.reply()

    def all(self) -> bytes:
        """Read until the other side closes."""
        data = self._rest
        while piece := self.socket.recv(1_048_576):
            data += piece
        return data


def execute(port: int, code: str, strict_json: bool = False) -> dict[str, Any]:
    """Send one NUL-framed request and return its reply; the connection must end with it."""
    with LocalClient(port) as client:
        client.send({"type": "execute", "code": code, "strict_json": strict_json})
        client.send(b"\0")
        raw = client.all()
    assert raw.endswith(b"\0")
    assert raw.count(b"\0") == 1
    return json.loads(raw[:-1])


class LineClient:
    """One connection that frames by lines; use as a context manager."""

    def __init__(self, port: int, timeout: float = 30.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._lines = self.socket.makefile("rb")
        self._ids = 0

    def __enter__(self) -> LineClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self.socket.close()

    def answer(self, command: str, **params: Any) -> dict[str, Any]:
        """Return the whole reply, which must be one line with the request's id."""
        self._ids += 1
        self.socket.sendall(json.dumps({"id": self._ids, "command": command, "params": params}).encode() + b"\n")
        reply = json.loads(self._lines.readline())
        assert reply.pop("id") == self._ids
        return reply

    def ask(self, command: str, **params: Any) -> Any:
        """Return the result of a command that succeeds."""
        reply = self.answer(command, **params)
        assert reply["success"], reply
        return reply["result"]

    def refused(self, command: str, **params: Any) -> str:
        """Return the error of a command that fails."""
        reply = self.answer(command, **params)
        assert not reply["success"], reply
        return str(reply["error"])
