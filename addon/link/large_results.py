"""Results that are too large for a message go to the server as files, and the answer has their head (no bpy)."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .answers import Extra
from .records import MAX_RESULT_BYTES, clean_text
from .transfers.carrier import Carrier, File, Transfer, TransferCancelled

# A larger one goes as a file. One with a picture is held to MAX_RESULT_BYTES alone: the bus takes the picture out.
MAX_INLINE_BYTES = 524_288
HEAD_BYTES = 65_536
CANCELLED = "Cancelled while its result was sent; the command itself ran to its end"
Answer = Callable[[str, str, str, str, Extra], None]


@dataclass(slots=True)
class _Sending:
    """A result on its way; all of it is in `path`."""

    job_id: str
    status: str
    error: str
    extra: dict[str, Any]
    path: Path
    cancelled: threading.Event


class LargeResults:
    """Answers jobs, at once or when their results are through. Safe from any thread."""

    def __init__(self, carrier: Carrier, answer: Answer, progress: Callable[[str, float, str], None]) -> None:
        self._carrier = carrier
        self._answer = answer
        self._progress = progress
        self._sending: dict[str, _Sending] = {}
        self._guard = threading.Lock()

    def answer(
        self,
        job_id: str,
        status: str,
        result: str = "",
        error: str = "",
        extra: Extra = None,
        whole: Path | None = None,
    ) -> None:
        """Answer a job. `whole`: a file that holds all of its result, which is then only the head; it is deleted."""
        if whole is None and _fits(result):
            self._answer(job_id, status, result, error, extra)
            return
        try:
            path = whole if whole is not None else _written(result)
        except OSError as problem:
            self._answer(job_id, "failed", head(result), f"The command ran, but its result: {problem}", extra)
            return
        sending = _Sending(job_id, status, error, dict(extra or {}), path, threading.Event())
        with self._guard:
            self._sending[job_id] = sending
        name, mime_type = (
            (f"result-{job_id}.json", "application/json") if _is_json(path) else (f"result-{job_id}.txt", "text/plain")
        )
        sent = self._carrier.upload(
            path, name, mime_type, job_id=job_id, cancelled=sending.cancelled, report=self._report
        )
        sent.add_done_callback(lambda future: self._sent(sending, future))

    def cancel(self, job_id: str) -> bool:
        """Stop sending the result of a job; False if there is none on its way."""
        with self._guard:
            sending = self._sending.get(job_id)
        if sending is None:
            return False
        sending.cancelled.set()
        self._end(sending, "cancelled", "", CANCELLED)
        return True

    def _report(self, transfer: Transfer) -> None:
        self._progress(transfer.job_id, round(100.0 * transfer.part, 1), transfer.words)

    def _sent(self, sending: _Sending, future: Future[File]) -> None:
        problem = future.exception()
        if problem is None:
            sending.extra["result_file"] = future.result()
            self._end(sending, sending.status, _head_of(sending.path), sending.error)
        elif isinstance(problem, TransferCancelled):
            self._end(sending, "cancelled", "", CANCELLED)
        else:
            self._instead(sending, problem)

    def _instead(self, sending: _Sending, problem: BaseException) -> None:
        """Answer as well as it can be done without a file."""
        with contextlib.suppress(OSError):
            size = sending.path.stat().st_size
            if size <= MAX_RESULT_BYTES:
                self._end(sending, sending.status, sending.path.read_text(encoding="utf-8"), sending.error)
                return
            words = (
                f"The command ran to its end, but its result of {size} bytes could not be sent as a file: {problem}. "
                f"A result without a file may have {MAX_RESULT_BYTES} bytes (1 MiB); `result` has its first "
                f"{HEAD_BYTES}. Return less, or write it to a file."
            )
            self._end(sending, "failed", _head_of(sending.path), words)
            return
        self._end(sending, "failed", "", f"The command ran to its end, but its result could not be sent: {problem}")

    def _end(self, sending: _Sending, status: str, result: str, error: str) -> None:
        with self._guard:
            if self._sending.pop(sending.job_id, None) is None:
                return
        with contextlib.suppress(OSError):
            sending.path.unlink()
        self._answer(sending.job_id, status, result, error, sending.extra or None)


def head(text: str) -> str:
    """Return the beginning of a result, at most HEAD_BYTES of UTF-8."""
    return clean_text(text[:HEAD_BYTES]).encode("utf-8")[:HEAD_BYTES].decode("utf-8", "ignore")


def _head_of(path: Path) -> str:
    with contextlib.suppress(OSError), path.open("rb") as file:
        return file.read(HEAD_BYTES).decode("utf-8", "ignore")
    return ""


def _fits(result: str) -> bool:
    if len(result) <= MAX_INLINE_BYTES // 4:
        return True
    size = len(result.encode("utf-8", "backslashreplace"))
    return size <= MAX_INLINE_BYTES or (size <= MAX_RESULT_BYTES and _has_picture(result))


def _has_picture(result: str) -> bool:
    if not result.startswith("{") or '"image"' not in result:
        return False
    with contextlib.suppress(ValueError, RecursionError):
        image = json.loads(result).get("image")
        return isinstance(image, dict) and isinstance(image.get("data"), str)
    return False


def _written(result: str) -> Path:
    """Return a temporary file that holds a result, and that only this user can read."""
    handle, path = tempfile.mkstemp(prefix="blender-bus-result-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(clean_text(result))
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise
    return Path(path)


def _is_json(path: Path) -> bool:
    """Tell whether a result is a document of a command, by how it begins and ends."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        first = file.read(2)
        file.seek(-1, os.SEEK_END)
        return (first[:1], file.read(1)) in ((b"{", b"}"), (b"[", b"]"))
    return False
