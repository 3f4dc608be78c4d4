"""HTTP for the asset services: https only, bounded in size and time, with errors a person understands (blocking)."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from ..link.outgoing import opener

READ_TIMEOUT = 20.0
MAX_JSON_BYTES = 64 * 1_048_576
MAX_FILE_BYTES = 2 * 1024 * 1_048_576
MAX_FETCH_SECONDS = 900.0
CHUNK_BYTES = 262_144
MAX_REDIRECTS = 5
# A service that is slow or asks for patience is asked again, within these bounds.
MAX_RETRIES = 3
MAX_WAIT_SECONDS = 20.0
USUAL_WAIT_SECONDS = 1.0
# What a service says where it was too slow itself.
_TOO_SLOW = (408, 504)
_PASSING = (429, 502, 503, *_TOO_SLOW)
ERROR_BYTES = 4096
# For tests alone: their servers are on loopback and have no certificates.
allow_plain_http = False


class FetchFailed(Exception):
    """A service did not deliver; the message names it and says why."""


class _AskAgain(Exception):
    """A refusal that passes by itself: how many seconds to wait, and what is told once there is no more patience."""

    def __init__(self, seconds: float, refusal: str) -> None:
        super().__init__(refusal)
        self.seconds = seconds


class Fetcher:
    """Requests to one service on behalf of one job; `cancelled` ends it between two pieces of data."""

    def __init__(
        self,
        service: str,
        user_agent: str,
        cancelled: threading.Event,
        progress: Callable[[int, int], None] = lambda done, total: None,
        own_server: str = "",
    ) -> None:
        self.service = service
        # The user's own server, which may be without https.
        self._own = own_server.rstrip("/")
        self._user_agent = user_agent
        self._cancelled = cancelled
        self._progress = progress

    def json(
        self, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None, kind: str = ""
    ) -> Any:
        """GET, or POST `body` of content type `kind`, and return the JSON answered. Raises FetchFailed."""
        sent = {"Accept": "application/json", **(headers or {}), **({"Content-Type": kind} if kind else {})}
        with self._open(url, sent, body) as response:
            raw = self._read(response, MAX_JSON_BYTES)
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            shown = raw[:80].decode("utf-8", "replace")
            raise FetchFailed(f"{self.service} did not answer with JSON but with {shown!r}") from None

    def download(self, url: str, target: Path, *, md5: str = "", size: int | None = None) -> None:
        """Write what is at `url` to `target`, checked against `size` and `md5` where they are known."""
        limit = MAX_FILE_BYTES if size is None else min(size, MAX_FILE_BYTES)
        # The md5 guards against damage, not against an attacker; https does that.
        digest, done = hashlib.md5(usedforsecurity=False), 0
        until = time.monotonic() + MAX_FETCH_SECONDS
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._open(url, {}, None) as response, target.open("wb") as file:
            length = response.headers.get("Content-Length", "")
            total = size or (int(length) if length.isdecimal() else 0)
            if total > MAX_FILE_BYTES:
                raise FetchFailed(f"{self.service}: {target.name} is {total} bytes; at most {MAX_FILE_BYTES} are taken")
            while piece := self._piece(response):
                done += len(piece)
                if done > limit:
                    raise FetchFailed(f"{self.service}: {target.name} is larger than {limit} bytes")
                if time.monotonic() > until:
                    raise FetchFailed(f"{self.service}: {target.name} took longer than {MAX_FETCH_SECONDS:.0f} s")
                digest.update(piece)
                file.write(piece)
                self._progress(done, total)
        expected = size if size is not None else (int(length) if length.isdecimal() else done)
        if done != expected:
            raise FetchFailed(f"{self.service}: {target.name} is truncated, {done} of {expected} bytes arrived")
        if md5 and digest.hexdigest() != md5.lower():
            raise FetchFailed(f"{self.service}: {target.name} is damaged, its md5 is {digest.hexdigest()}, not {md5}")

    def _open(self, url: str, headers: Mapping[str, str], body: bytes | None) -> http.client.HTTPResponse:
        """Send the request, again where the service asks for patience. Raises FetchFailed for anything but success."""
        patience = MAX_WAIT_SECONDS
        for left in reversed(range(MAX_RETRIES)):
            try:
                return self._send(url, headers, body)
            except _AskAgain as refused:
                patience -= refused.seconds
                if left == 0 or patience < 0:
                    raise FetchFailed(str(refused)) from None
                self._cancelled.wait(refused.seconds)
        raise AssertionError("the last turn returns or raises")

    def _send(self, url: str, headers: Mapping[str, str], body: bytes | None) -> http.client.HTTPResponse:
        """Send the request once and follow redirects. Raises FetchFailed or _AskAgain."""
        sent = {"User-Agent": self._user_agent, **headers}
        for _ in range(MAX_REDIRECTS):
            self._check(url)
            if self._cancelled.is_set():
                raise FetchFailed(f"{self.service}: cancelled")
            request = urllib.request.Request(url, data=body, headers=sent)  # noqa: S310 (checked above)
            try:
                return opener.open(request, timeout=READ_TIMEOUT)  # type: ignore[no-any-return]
            except urllib.error.HTTPError as error:
                with error:
                    place = error.headers.get("Location", "")
                    if error.code not in (301, 302, 303, 307, 308) or not place or body is not None:
                        raise self._judged(error, asks=body is None) from None
                target = urljoin(url, place)
                if urlsplit(target).netloc != urlsplit(url).netloc:
                    sent.pop("Authorization", None)
                url = target
            except (OSError, ValueError, http.client.HTTPException) as error:
                raise FetchFailed(self._unreachable(url, error)) from None
        raise FetchFailed(f"{self.service} redirects in a circle")

    def _check(self, url: str) -> None:
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        plain = allow_plain_http and parts.scheme == "http" and parts.hostname == "127.0.0.1"
        own = self._own != "" and f"{parts.scheme}://{parts.netloc}" == self._own
        if not (parts.scheme == "https" or plain or own) or not parts.hostname or parts.username is not None:
            raise FetchFailed(f"{self.service} names {url[:200]!r}, which is not an https address")

    def _piece(self, response: http.client.HTTPResponse) -> bytes:
        if self._cancelled.is_set():
            raise FetchFailed(f"{self.service}: cancelled")
        try:
            return response.read1(CHUNK_BYTES)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise FetchFailed(self._unreachable(response.url, error)) from None

    def _read(self, response: http.client.HTTPResponse, limit: int) -> bytes:
        parts, done = [], 0
        while piece := self._piece(response):
            parts.append(piece)
            done += len(piece)
            if done > limit:
                raise FetchFailed(f"{self.service} answered more than {limit} bytes")
        return b"".join(parts)

    def _unreachable(self, url: str, error: Exception) -> str:
        reason = getattr(error, "reason", None) or error
        return f"{self.service} cannot be reached at {urlsplit(url).netloc}: {reason}"

    def _judged(self, error: urllib.error.HTTPError, asks: bool) -> Exception:
        """Too many requests are always asked again: nothing was done. Others only if the request does nothing."""
        passing = error.code == 429 or (asks and error.code in _PASSING)
        told = error.headers.get("Retry-After", "").strip()
        seconds = float(told) if told.isdecimal() else USUAL_WAIT_SECONDS
        refusal = self._refusal(error)
        return _AskAgain(seconds, refusal) if passing else FetchFailed(refusal)

    def _refusal(self, error: urllib.error.HTTPError) -> str:
        told = ""
        with contextlib.suppress(OSError, ValueError, RecursionError, http.client.HTTPException):
            told = _words(json.loads(error.read(ERROR_BYTES)))
        meaning = {
            401: "does not accept the API key; check it in the extension's preferences",
            402: "wants to be paid: the account of this API key has no credit left",
            403: "does not allow this with the API key; check it in the extension's preferences",
            404: "does not have this",
            **dict.fromkeys(_TOO_SLOW, "was too slow to answer, which is its own trouble: try again, or ask for less"),
            429: "has had too many requests" + _retry_after(error.headers.get("Retry-After", "")),
        }.get(error.code, "is in trouble" if error.code >= 500 else "refused the request")
        return f"{self.service} {meaning} (HTTP {error.code})" + (f": {told}" if told else "")


def _retry_after(seconds: str) -> str:
    return f"; try again in {seconds} s" if seconds.isdecimal() else "; try again later"


def _words(document: Any) -> str:
    """Return what an error document says, whatever its author calls it."""
    if isinstance(document, dict):
        for name in ("detail", "message", "error_description", "error"):
            value = document.get(name)
            if isinstance(value, str) and value:
                return value[:300]
    return ""
