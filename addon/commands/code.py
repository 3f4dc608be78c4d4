"""execute_code: run the caller's Python on the main thread and hand back what it printed."""

from __future__ import annotations

import builtins
import contextlib
import io
import json
import linecache
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Annotated, Any

import bmesh
import bpy
import mathutils

from ..link.control import JobControl
from ..link.interrupt import JobCancelled
from ..link.main_thread import interrupter
from ..link.records import MAX_RESULT_BYTES, cut_middle
from .console import output_log
from .policy import code_effect
from .registry import Bounds, CommandError, command
from .source import compiled, unwrapped
from .values import plain

MAX_CODE_CHARS = 8 * 1_048_576
OUTPUT_IN_ERROR = 32_768


class Capture(io.TextIOBase):
    """Stands in for sys.stdout and sys.stderr while a job runs: keeps its output, at most `limit` characters of it.

    What other threads of Blender print meanwhile goes where it always went. Once closed, everything does: code may have
    kept a reference, in a logging handler for example.
    """

    def __init__(self, control: JobControl, limit: int) -> None:
        self._control = control
        self._limit = limit
        self._parts: list[str] = []
        self._kept = 0
        self.total = 0
        self._others = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}
        self._finished = False

    def stream(self, original: Any, kind: str) -> _Stream:
        """Return the stand-in for one of the two streams; `kind` is how the console log calls its lines."""
        return _Stream(self, original, kind)

    def takes(self) -> bool:
        """Tell whether output of the calling thread belongs to the job."""
        return not self._finished and threading.get_ident() not in self._others

    def keep(self, text: str, kind: str) -> None:
        """Take output of the job. Raises JobCancelled once the job is cancelled: a loop that prints can be stopped."""
        self.total += len(text)
        if self._kept < self._limit:
            kept = text[: self._limit - self._kept]
            self._kept += len(kept)
            self._parts.append(kept)
            output_log.add(kept, kind)
        if self._control.cancelled.is_set() and threading.get_ident() == threading.main_thread().ident:
            raise JobCancelled

    def finish(self) -> None:
        """Give the streams back."""
        self._finished = True

    def text(self) -> str:
        """Return what was kept."""
        return "".join(self._parts)


class _Stream(io.TextIOBase):
    def __init__(self, capture: Capture, original: Any, kind: str) -> None:
        self._capture = capture
        self._original = original
        self._kind = kind

    encoding = "utf-8"

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self._capture.takes():
            self._capture.keep(text, self._kind)
        elif self._original is not None:
            self._original.write(text)
        return len(text)

    def flush(self) -> None:
        if self._original is not None:
            self._original.flush()


@command("execute_code", effect=code_effect)
def execute_code(
    control: JobControl,
    *,
    code: Annotated[str, Bounds(0, MAX_CODE_CHARS)],
    deadline: Annotated[float, Bounds(0.1, 86_400)] | None = None,
) -> str:
    """Run `code` and return what it printed; raises CommandError with the traceback and the output so far."""
    if deadline is not None:
        control.end_after(deadline)
    names: dict[str, Any] = {}
    printed, value = run_for_value(control, code, names, MAX_RESULT_BYTES)
    if printed:
        return printed
    # What a console would show, or what some models leave behind on purpose.
    shown = value if value is not None else _left_behind(names.get("result"))
    if len(shown.encode("utf-8", "replace")) > MAX_RESULT_BYTES:
        raise CommandError(f"The code ran to its end, but its value is longer than {MAX_RESULT_BYTES} bytes")
    return shown


def _left_behind(result: Any) -> str:
    if not isinstance(result, dict):
        return ""
    try:
        return json.dumps(plain(result), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return repr(result)


def run_code(control: JobControl, code: str, preset: dict[str, Any], limit: int) -> str:
    """Run `code` with the names in `preset`, which then holds all its globals; return what it printed.

    Raises CommandError with the traceback, or when more than `limit` characters were printed.
    """
    return run_for_value(control, code, preset, limit)[0]


def run_for_value(control: JobControl, code: str, preset: dict[str, Any], limit: int) -> tuple[str, str | None]:
    """As `run_code`, but return also the `repr` of a last expression, if that is not None."""
    filename = f"<code of {control.job.job_id}>"
    code = unwrapped(code)
    output_log.add(code + "\n", "input")
    preset.update(_namespace(control))

    def action() -> str | None:
        body, last = compiled(code, filename)
        exec(body, preset)
        value = None if last is None else eval(last, preset)  # noqa: S307 (the caller's code, like the rest)
        return None if value is None else repr(value)

    with _source_lines(filename, code):
        try:
            return captured(control, filename, action, limit)
        finally:
            _push_undo(control)


def captured(control: JobControl, filename: str, action: Callable[[], Any], limit: int) -> tuple[str, Any]:
    """Run `action`, which is or calls the caller's code, and return what it printed and what it returned."""
    # One above the limit is enough to know that the output does not fit; more would only fill the memory.
    capture = Capture(control, limit + 1)
    error: str | None = None
    value = None
    with _captured(capture):
        try:
            value = interrupter.call(action)
        except JobCancelled as cancelled:
            # A new one: the traceback is for the caller, and its frames must not be kept alive.
            raise JobCancelled(_explain_end(cancelled, filename)) from None
        except SystemExit as ended:
            # How a script says that it is done. With anything else it says that it failed.
            error = None if ended.code in (None, 0) else _explain(ended, filename)
        except BaseException as raised:
            # KeyboardInterrupt too: the caller's code must not be able to end Blender by accident.
            error = _explain(raised, filename)
    if error is not None:
        output_log.add(error, "error")
        raise CommandError(error + _output_so_far(capture))
    _refuse_flood(capture, limit)
    return capture.text(), value


def _namespace(control: JobControl) -> dict[str, Any]:
    def progress(percent: float, message: str = "") -> None:
        """Tell the caller how far the code is, and end here once the job is cancelled."""
        control.progress(float(percent), str(message))
        control.check_cancelled()

    return {
        "__name__": "__main__",
        "__builtins__": builtins,
        "bpy": bpy,
        "bmesh": bmesh,
        "mathutils": mathutils,
        "progress": progress,
    }


@contextlib.contextmanager
def _source_lines(filename: str, code: str) -> Iterator[None]:
    """Let tracebacks show the lines of the code while it runs."""
    linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
    try:
        yield
    finally:
        linecache.cache.pop(filename, None)


@contextlib.contextmanager
def _captured(capture: Capture) -> Iterator[None]:
    """Redirect the streams; input is at its end, since nobody is there to type."""
    before = sys.stdin, sys.stdout, sys.stderr
    stand_ins = capture.stream(sys.stdout, "output"), capture.stream(sys.stderr, "error")
    sys.stdin = io.StringIO()
    sys.stdout, sys.stderr = stand_ins
    try:
        yield
    finally:
        capture.finish()
        sys.stdin, sys.stdout, sys.stderr = before


def _explain(raised: BaseException, filename: str) -> str:
    """Return the traceback as the code's author expects it: from the first frame of the code on."""
    trace: TracebackType | None = raised.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != filename:
        trace = trace.tb_next
    text = "".join(traceback.format_exception(type(raised), raised, trace))
    if isinstance(raised, SystemExit):
        text += "The code asked Python to exit; Blender keeps running.\n"
    return text


def _explain_end(raised: BaseException, filename: str) -> str:
    """Return where the code was when it was ended."""
    trace = raised.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != filename:
        trace = trace.tb_next
    return "".join(["It was here:\n", *traceback.format_tb(trace)]) if trace is not None else ""


def _output_so_far(capture: Capture) -> str:
    if capture.total == 0:
        return ""
    return f"\nPrinted before the error:\n{cut_middle(capture.text(), OUTPUT_IN_ERROR)}"


def _refuse_flood(capture: Capture, limit: int) -> None:
    if capture.total <= limit:
        return
    start = capture.text()[:2000]
    raise CommandError(
        f"The code ran to its end, but printed {capture.total} characters; a result may have at most "
        f"{limit} bytes. Print less, or write to a file. The output begins:\n{start}"
    )


def _push_undo(control: JobControl) -> None:
    """With a window, one step back undoes the whole call."""
    if bpy.app.background or not bpy.context.window_manager.windows:
        return
    window = bpy.context.window or bpy.context.window_manager.windows[0]
    with contextlib.suppress(RuntimeError), bpy.context.temp_override(window=window):
        bpy.ops.ed.undo_push(message=f"Blender Bus: {control.job.command} {control.job.job_id}")
