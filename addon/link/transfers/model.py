"""What a transfer is: what it carries, how far it is, and how it can fail."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

UP, DOWN = "up", "down"
# A line that stays broken for so long is given up.
PATIENCE = 300.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
REPORT_INTERVAL = 0.2
_FILE_ID = re.compile(r"f-[A-Za-z0-9_-]{22}")
# What a File has (contract section 9), but for `url`: that is made anew whenever it is handed out.
FILE_FIELDS = ("file_id", "name", "mime_type", "bytes", "sha256", "created_at", "expires_at")
File = dict[str, Any]


class TransferFailed(Exception):
    """A file did not get through; the message is for the caller."""


class TransferCancelled(TransferFailed):
    """Nobody wants the file any more."""


class Refused(Exception):
    """The server does not want this request, now or later; `status` is that of HTTP."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Broken(Exception):
    """The line or the server is in trouble; worth another attempt, after `pause` seconds if the server says so."""

    def __init__(self, words: str, pause: float = 0.0) -> None:
        super().__init__(words)
        self.pause = pause


def checked_file_id(file_id: str) -> str:
    """Return `file_id` if it is one. Raises TransferFailed."""
    if not _FILE_ID.fullmatch(file_id):
        raise TransferFailed(f'file_id must be "f-" and 22 letters, digits, "_" or "-", got {file_id[:60]!r}')
    return file_id


def as_file(document: Any) -> File:
    """Return what a File tells, without the address that will be another one later."""
    found = document if isinstance(document, dict) else {}
    return {name: found[name] for name in FILE_FIELDS if name in found}


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that has arrived whole: its hash was compared with what the server says."""

    path: Path
    name: str
    mime_type: str
    bytes: int
    sha256: str


Report = Callable[["Transfer"], None]


@dataclass(slots=True, eq=False)
class Transfer:
    """One file on its way; read from any thread. `total` and `done` are bytes, `total` 0 while it is not known."""

    direction: str
    name: str
    job_id: str = ""
    total: int = 0
    done: int = 0
    # What it waits for, in words, while it does.
    waits: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)
    # Why it was ended, if not by the job's cancel.
    reason: str = "Cancelled"
    report: Report = lambda transfer: None
    _told_at: float = -REPORT_INTERVAL

    def advance(self, done: int) -> None:
        """Tell how far it is. Raises TransferCancelled."""
        self.done = done
        self.check()
        self.tell()

    def tell(self, *, now: bool = False) -> None:
        """Report, five times a second at most unless `now`."""
        at = time.monotonic()
        if now or at - self._told_at >= REPORT_INTERVAL or (self.total and self.done >= self.total):
            self._told_at = at
            self.report(self)

    def check(self) -> None:
        """Raise TransferCancelled if nobody wants it any more."""
        if self.cancelled.is_set():
            raise TransferCancelled(self.reason)

    @property
    def part(self) -> float:
        """Return how much of it is through, from 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def words(self) -> str:
        """Return how far it is: `uploading 12.0 of 80.4 MB`, and what it waits for."""
        doing = "uploading" if self.direction == UP else "downloading"
        total = f" of {self.total / 1e6:.1f}" if self.total else ""
        return f"{doing} {self.done / 1e6:.1f}{total} MB" + (f" ({self.waits})" if self.waits else "")


class Patience:
    """How long to go on while nothing gets through."""

    def __init__(self, transfer: Transfer, seconds: float = PATIENCE) -> None:
        self._transfer = transfer
        self._seconds = seconds
        self._best = -1
        self._pause = FIRST_PAUSE
        self._since = time.monotonic()

    def moved(self, done: int) -> None:
        """Something got through: begin anew if it is more than ever before."""
        if done > self._best:
            self._best, self._pause, self._since = done, FIRST_PAUSE, time.monotonic()
        self._transfer.waits = ""

    def wait(self, trouble: Broken) -> None:
        """Wait before the next attempt. Raises TransferFailed when it is time to give up, or TransferCancelled."""
        waited = time.monotonic() - self._since
        pause = max(self._pause, trouble.pause)
        if waited + pause > self._seconds:
            raise TransferFailed(f"{self._transfer.name}: given up after {waited:.0f} s without progress: {trouble}")
        self._transfer.waits = f"interrupted: {trouble}"[:200]
        self._transfer.tell(now=True)
        self._pause = min(LONGEST_PAUSE, self._pause * 2)
        self._transfer.cancelled.wait(pause)
        self._transfer.check()
