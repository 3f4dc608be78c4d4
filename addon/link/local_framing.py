"""The three framings of the local port, told apart by the first request (sans-I/O, no bpy).

NUL-framed: one JSON object ended by a NUL, one request a connection. Bare JSON: objects one after the other, each
complete when its last brace has come, and answered in ASCII, since published clients decode each piece they receive by
itself. Lines: the same with `id` and `command`, each answer a line. A cut UTF-8 sequence is inside a string, so the
object around it is not complete.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .records import clean_text

MAX_REQUEST_BYTES = 32 * 1_048_576
_STRUCTURE = re.compile(rb'["{}\[\]]')
_IN_STRING = re.compile(rb'["\\]')
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_SPACE = re.compile(rb"[ \t\r\n]*")


class Framing(Enum):
    """How a connection speaks; UNKNOWN until its first request is complete."""

    UNKNOWN = "unknown"
    NUL = "nul"
    BARE = "bare"
    LINES = "lines"


class BadRequest(ValueError):
    """What came is no request; the message is for the caller, and the connection ends."""


@dataclass(frozen=True, slots=True)
class Request:
    """One complete request, an object; what is in it is not checked yet."""

    body: dict[str, Any]


class RequestReader:
    """Bytes in, requests out. Each byte is looked at once, however many pieces a request comes in."""

    def __init__(self, max_bytes: int = MAX_REQUEST_BYTES) -> None:
        self.framing = Framing.UNKNOWN
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._depth = self._at = self._searched = 0
        self._in_string = False

    @property
    def partial(self) -> bool:
        """Tell whether a request has begun that is not complete."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> None:
        """Take bytes from the connection. Raises BadRequest when a request grows too large."""
        self._buffer += data
        if len(self._buffer) > self._max_bytes:
            raise BadRequest(f"A request may have at most {self._max_bytes} bytes")

    def next_request(self) -> Request | None:
        """Return the next complete request, or None until more has come. Raises BadRequest."""
        end = self._nul() if self.framing in (Framing.UNKNOWN, Framing.NUL) else -1
        if end >= 0:
            self.framing = Framing.NUL
            return self._take(end, end + 1)
        if self.framing is Framing.NUL:
            return None
        end = self._end_of_object()
        if end < 0:
            return None
        request = self._take(end, end)
        if self.framing is Framing.UNKNOWN:
            body = request.body
            named = body.get("type") == "execute" and "strict_json" in body
            lines = "type" not in body and "command" in body
            self.framing = Framing.NUL if named else Framing.LINES if lines else Framing.BARE
        return request

    def _nul(self) -> int:
        found = self._buffer.find(0, self._searched)
        self._searched = len(self._buffer)
        return found

    def _end_of_object(self) -> int:
        """Return where the object ends that the buffer begins with; -1 while it is incomplete."""
        buffer = self._buffer
        if self._depth == 0:
            space = _SPACE.match(buffer)
            del buffer[: space.end() if space else 0]
            self._searched = min(self._searched, len(buffer))
            if not buffer:
                return -1
            if buffer[:1] != b"{":
                # Not waited for: this also sends away web pages that try to reach the port with a HTTP request.
                raise BadRequest('A request must be a JSON object such as {"type": "get_scene_info", "params": {}}')
        while True:
            found = (_IN_STRING if self._in_string else _STRUCTURE).search(buffer, self._at)
            if found is None:
                self._at = max(self._at, len(buffer))
                return -1
            self._at = found.end()
            mark = found.group()
            if mark == b'"':
                self._in_string = not self._in_string
            elif mark == b"\\":
                # The escaped character may not have come yet; it is passed over all the same.
                self._at += 1
            elif mark in b"{[":
                self._depth += 1
            else:
                self._depth -= 1
                if self._depth == 0:
                    return self._at

    def _take(self, end: int, rest: int) -> Request:
        raw = bytes(self._buffer[:end])
        del self._buffer[:rest]
        self._restart()
        try:
            body = json.loads(raw.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"The request is not JSON: {error}") from None
        if not isinstance(body, dict):
            raise BadRequest("A request must be a JSON object")
        return Request(body)

    def _restart(self) -> None:
        self._depth = self._at = self._searched = 0
        self._in_string = False


def success(framing: Framing, result_json: str, request_id: Any = None) -> bytes:
    """Return the reply around a result that is JSON already; NUL-framed it is the reply's own fields."""
    if framing is Framing.NUL:
        return (clean_text(f'{{"status":"ok",{result_json[1:]}')).encode() + b"\0"
    result = _ascii(result_json)
    if framing is Framing.LINES:
        return f'{{"id":{json.dumps(request_id)},"success":true,"result":{result}}}\n'.encode()
    return f'{{"status":"success","result":{result}}}'.encode()


def failure(framing: Framing, message: str, request_id: Any = None) -> bytes:
    """Return the reply to a request that failed."""
    if framing is Framing.LINES:
        return json.dumps({"id": request_id, "success": False, "error": message}).encode() + b"\n"
    reply = json.dumps({"status": "error", "message": clean_text(message)}).encode()
    return reply + b"\0" if framing is Framing.NUL else reply


def _ascii(text: str) -> str:
    """Return JSON text with everything beyond ASCII, which can stand in strings only, as escapes."""
    return text if text.isascii() else _BEYOND_ASCII.sub(lambda found: json.dumps(found.group())[1:-1], text)
