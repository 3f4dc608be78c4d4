"""The streams of code that runs: what it prints is kept for its job, all else goes where it always went."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from ...link.queue.control import JobControl
from ...link.queue.interrupt import JobCancelled
from ...link.records import cut_middle

OUTPUT, ERROR = "output", "error"
# Warnings and the chatter of exporters: more than this helps nobody.
MAX_STDERR = 65_536
# Of the end of a spooled output, when it has to be told in an error.
TAIL_BYTES = 65_536


class Capture:
    """What one job prints, both streams in order: at most `limit` characters of output, MAX_STDERR of errors.

    Of output that is longer than `in_memory` characters only so much stays in memory; all of it goes to a file then.
    What other threads of Blender print meanwhile goes where it always went.
    """

    def __init__(
        self, control: JobControl, limit: int, note: Callable[[str, str], None], in_memory: int | None = None
    ) -> None:
        self._control = control
        # How much more of the output memory takes.
        self._memory_left = limit if in_memory is None else in_memory
        self._spool: IO[str] | None = None
        self._room = {OUTPUT: limit, ERROR: MAX_STDERR}
        self._note = note
        self._parts: list[tuple[str, str]] = []
        self._others = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}
        self.totals = {OUTPUT: 0, ERROR: 0}
        self.originals: dict[str, Any] = {}

    def takes(self) -> bool:
        """Tell whether output of the calling thread belongs to the job."""
        return threading.get_ident() not in self._others

    def keep(self, text: str, kind: str) -> None:
        """Take output of the job. Raises JobCancelled once the job is cancelled: a loop that prints can be stopped."""
        self.totals[kind] += len(text)
        room = self._room[kind]
        if room > 0 and text:
            kept = text[:room]
            self._room[kind] = room - len(kept)
            if kind == OUTPUT:
                kept = self._in_bounds(kept)
            if kept:
                self._parts.append((kind, kept))
            self._note(text[:room], kind)
        if self._control.cancelled.is_set() and threading.get_ident() == threading.main_thread().ident:
            raise JobCancelled

    def _in_bounds(self, text: str) -> str:
        """Return what of the output stays in memory; once that is not all, all goes to a file."""
        if self._spool is None and len(text) > self._memory_left:
            self._spool = tempfile.NamedTemporaryFile(  # noqa: SIM115 (it outlives this call)
                "w", prefix="blender-bus-output-", encoding="utf-8", errors="backslashreplace", newline="", delete=False
            )
            self._spool.write(self.text(OUTPUT))
        if self._spool is not None:
            self._spool.write(text)
        held = text[: self._memory_left]
        self._memory_left -= len(held)
        return held

    def take_spooled(self) -> Path | None:
        """Return the file with all of the output, which is the caller's from now on; None if memory holds it.

        Raises OSError where the disk has no room for its end; the file is gone then.
        """
        spool, self._spool = self._spool, None
        if spool is None:
            return None
        path = Path(spool.name)
        try:
            spool.close()
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return path

    def forget(self) -> None:
        """Delete the file of a spooled output."""
        with contextlib.suppress(OSError):
            path = self.take_spooled()
            if path is not None:
                path.unlink(missing_ok=True)

    def ends(self, kind: str, limit: int) -> str:
        """Return the beginning and the end of a stream in about `limit` bytes. The file of a spooled one goes."""
        path = None
        with contextlib.suppress(OSError):
            path = self.take_spooled() if kind == OUTPUT else None
        if path is None:
            return cut_middle(self.text(kind), limit)
        try:
            with path.open("rb") as file:
                head = file.read(limit // 4)
                size = file.seek(0, 2)
                file.seek(max(len(head), size - min(TAIL_BYTES, limit - limit // 4)))
                tail = file.read()
        finally:
            path.unlink(missing_ok=True)
        left_out = f"\n... {size - len(head) - len(tail)} bytes left out ...\n"
        return head.decode("utf-8", "ignore") + left_out + tail.decode("utf-8", "ignore")

    def text(self, kind: str) -> str:
        """Return what was kept of one stream, with a note where its end is missing."""
        left_out = self.totals[kind] - sum(len(text) for part, text in self._parts if part == kind)
        note = f"\n... {left_out} characters left out\n" if left_out and kind == ERROR else ""
        return "".join(text for part, text in self._parts if part == kind) + note

    def both(self) -> str:
        """Return both streams as a terminal would show them."""
        return "".join(text for _, text in self._parts)


# The job that prints; the last one counts, should code run code.
_captures: list[Capture] = []


class _Stream(io.TextIOBase):
    """Stands in for one of the two streams, the same object for every job: a logging handler may keep it for ever."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def _elsewhere(self) -> Any:
        if _captures:
            return _captures[-1].originals.get(self._kind)
        now, first = (sys.stdout, sys.__stdout__) if self._kind == OUTPUT else (sys.stderr, sys.__stderr__)
        return first if now is self else now

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        capture = _captures[-1] if _captures else None
        if capture is not None and capture.takes():
            capture.keep(text, self._kind)
        else:
            other = self._elsewhere()
            if other is not None:
                other.write(text)
        return len(text)

    def flush(self) -> None:
        other = self._elsewhere()
        if other is not None and not getattr(other, "closed", False):
            other.flush()

    def close(self) -> None:
        """Later jobs need it."""

    def fileno(self) -> int:
        """Return that of the real stream: a program that is given it prints there."""
        number: int = self._elsewhere().fileno()
        return number

    @property
    def buffer(self) -> _Bytes:
        return _Bytes(self)

    def detach(self) -> Any:
        """Return the stream of bytes, as scripts do that wrap it anew; this one stays usable."""
        return self.buffer

    def reconfigure(self, **options: Any) -> None:
        """Take what scripts set for a terminal; text stays text here, whatever its encoding."""
        known = {"encoding", "errors", "newline", "line_buffering", "write_through"}
        if unknown := sorted(options.keys() - known):
            raise TypeError(f"reconfigure() got an unexpected keyword argument {unknown[0]!r}")


class _Bytes(io.RawIOBase):
    """The stream for programs that write bytes."""

    def __init__(self, text: _Stream) -> None:
        self._text = text

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        raw = bytes(data)
        self._text.write(raw.decode("utf-8", "replace"))
        return len(raw)


_stand_ins = {OUTPUT: _Stream(OUTPUT), ERROR: _Stream(ERROR)}


@contextlib.contextmanager
def redirected(capture: Capture) -> Iterator[None]:
    """Give the streams to `capture`; input is at its end, since nobody is there to type."""
    before = sys.stdin, sys.stdout, sys.stderr
    real = {
        kind: stream for kind, stream in ((OUTPUT, sys.stdout), (ERROR, sys.stderr)) if stream is not _stand_ins[kind]
    }
    capture.originals = real or (_captures[-1].originals if _captures else {})
    handlers = _log_handlers(before[1:])
    try:
        sys.stdin = io.StringIO()
        sys.stdout, sys.stderr = _stand_ins[OUTPUT], _stand_ins[ERROR]
        _captures.append(capture)
        for handler, stream in handlers:
            handler.stream = _stand_ins[OUTPUT if stream in (before[1], sys.__stdout__) else ERROR]
        yield
    finally:
        left = [getattr(sys, name, None) for name in ("stdout", "stderr")]  # code can delete them
        for own in {id(stream): stream for stream in left}.values():
            if own is not None and own not in _stand_ins.values():
                # The code has wrapped it, and some of what it printed may be in there.
                with contextlib.suppress(Exception):
                    own.flush()
        for handler, stream in handlers:
            handler.stream = stream
        if capture in _captures:
            _captures.remove(capture)
        sys.stdin, sys.stdout, sys.stderr = before


def _log_handlers(streams: tuple[Any, Any]) -> list[tuple[Any, Any]]:
    """Return the handlers of the root logger that write to the terminal, with their streams: another add-on's."""
    real = [stream for stream in (*streams, sys.__stdout__, sys.__stderr__) if stream is not None]
    return [
        (handler, handler.stream)
        for handler in logging.getLogger().handlers
        if type(handler) is logging.StreamHandler and any(handler.stream is stream for stream in real)
    ]
