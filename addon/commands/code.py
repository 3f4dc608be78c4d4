"""execute_code: run the caller's Python on the main thread and hand back what it printed."""

from __future__ import annotations

import builtins
import contextlib
import json
import linecache
import os
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any

import bmesh
import bpy
import mathutils

from ..link.queue.control import JobControl
from ..link.queue.interrupt import JobCancelled
from ..link.queue.main_thread import interrupter
from ..link.records import MAX_RESULT_BYTES, cut_middle
from .allowed.policy import code_effect
from .console import output_log
from .hints.explain import explain
from .place import in_viewport
from .registry import Bounds, CommandError, command
from .running.guards import guarded
from .running.interpreter import interpreter_kept
from .running.kept import kept_names
from .running.main_module import as_main
from .running.modes import users_mode
from .running.observed import observed
from .running.streams import ERROR, OUTPUT, Capture, redirected
from .source import EXITED, HELPER, Exited, compiled, exited, unwrapped
from .values import plain

MAX_CODE_CHARS = 8 * 1_048_576
OUTPUT_IN_ERROR = 32_768
MAX_STDERR_BYTES, MAX_VALUE_BYTES = 32_768, 8_192
# Of output that goes to the bus as a file, in characters: more is refused, and this is what memory holds of it.
MAX_OUTPUT, IN_MEMORY = 64 * 1_048_576, 524_288


@dataclass(frozen=True, slots=True)
class Printed:
    """What code printed: its output, and what went to stderr; `value` is the `repr` of its last expression."""

    output: str
    errors: str
    both: str
    value: str | None = None
    # A file with all of the output, where `output` is its beginning only.
    whole: Path | None = None


@command("execute_code", effect=code_effect)
def execute_code(
    control: JobControl,
    *,
    code: Annotated[str, Bounds(0, MAX_CODE_CHARS)],
    keep_names: bool = False,
    deadline: Annotated[float, Bounds(0.1, 86_400)] | None = None,
    changes: bool = True,
) -> str:
    """Run `code` and return what it printed; raises CommandError with the traceback and the output so far."""
    if deadline is not None:
        control.end_after(deadline)
    names = kept_names.of(control.job) if keep_names else {}
    # It is this call's or nobody's.
    names.pop("result", None)
    # Without a server that takes files there is no place for more than a message holds.
    limit, in_memory = (MAX_RESULT_BYTES, None) if control.files is None else (MAX_OUTPUT, IN_MEMORY)
    printed = run_code(control, code, names, limit, tell=changes, in_memory=in_memory)
    control.whole = printed.whole
    if printed.errors:
        control.extra["stderr"] = cut_middle(printed.errors, MAX_STDERR_BYTES)
    if printed.value is not None:
        control.extra["value"] = cut_middle(printed.value, MAX_VALUE_BYTES)
    if printed.output:
        return printed.output
    # What a console would show, or what some models leave behind on purpose.
    shown = printed.value if printed.value is not None else _left_behind(names.get("result"))
    if len(shown.encode("utf-8", "replace")) > limit:
        raise CommandError(f"The code ran to its end, but its value is longer than {limit} bytes")
    return shown


def _left_behind(result: Any) -> str:
    if not isinstance(result, dict):
        return ""
    try:
        return json.dumps(plain(result), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return repr(result)


def run_code(
    control: JobControl,
    code: str,
    preset: dict[str, Any],
    limit: int,
    *,
    tell: bool = False,
    in_memory: int | None = None,
) -> Printed:
    """Run `code` with the names in `preset`, which then holds all its globals; `tell` what it changed, if asked to.

    Of output longer than `in_memory` characters all is in the file `whole`, which is the caller's to delete.

    Raises CommandError with the traceback, or when more than `limit` characters were printed.
    """
    filename = f"<code of {control.job.job_id}>"
    code = unwrapped(code)
    output_log.add(code + "\n", "input")
    preset.update(_namespace(control))

    def action() -> str | None:
        body, last = compiled(code, filename)
        exec(body, preset)
        value = None if last is None else eval(last, preset)  # noqa: S307 (the caller's code, like the rest)
        return None if value is None else repr(value)

    with (
        as_main(preset),
        users_mode(code) as give_back,
        _source_lines(filename, code),
        observed(control, code, tell=tell, give_back=give_back),
    ):
        printed, value = captured(control, filename, action, limit, in_memory)
    return replace(printed, value=value)


def captured(
    control: JobControl, filename: str, action: Callable[[], Any], limit: int, in_memory: int | None = None
) -> tuple[Printed, Any]:
    """Run `action`, which is or calls the caller's code, and return what it printed and what it returned."""
    # One above the limit is enough to know that the output does not fit; more would only fill the memory.
    capture = Capture(control, limit + 1, output_log.add, in_memory)
    error: str | None = None
    value = None
    process = os.getpid()
    with redirected(capture), in_viewport(), guarded(), interpreter_kept():
        try:
            value = interrupter.call(action)
        except JobCancelled as cancelled:
            # A new one: the traceback is for the caller, and its frames must not be kept alive.
            capture.forget()
            raise JobCancelled(_explain_end(cancelled, filename)) from None
        except (SystemExit, Exited) as ended:
            # How a script says that it is done. With anything else it says that it failed.
            ended = ended.as_system_exit() if isinstance(ended, Exited) else ended
            error = None if ended.code in (None, 0) else _explain(ended, filename)
        except BaseException as raised:
            # KeyboardInterrupt too: the caller's code must not be able to end Blender by accident.
            error = _explain(raised, filename)
        finally:
            if os.getpid() != process:
                # A child that the code has forked must not go on as a second Blender on the same connection.
                os._exit(0)
    if error is not None:
        output_log.add(error, "error")
        raise CommandError(error + _output_so_far(capture))
    _refuse_flood(capture, limit)
    try:
        whole = capture.take_spooled()
    except OSError as problem:
        raise CommandError(f"The code ran, but what it printed cannot be kept: {problem}") from None
    return Printed(capture.text(OUTPUT), capture.text(ERROR), capture.both(), whole=whole), value


def _namespace(control: JobControl) -> dict[str, Any]:
    def progress(percent: float, message: str = "") -> None:
        """Tell the caller how far the code is, and end here once the job is cancelled."""
        control.progress(float(percent), str(message))
        control.check_cancelled()

    return {
        "__name__": "__main__",
        # As a text of the Text Editor has it: below the file, so that its folder can be found. Nothing is there.
        "__file__": str(Path(bpy.data.filepath, "execute_code.py")),
        "__builtins__": builtins,
        "bpy": bpy,
        "bmesh": bmesh,
        "mathutils": mathutils,
        "progress": progress,
        HELPER: exited,
        EXITED: Exited,
    }


@contextlib.contextmanager
def _source_lines(filename: str, code: str) -> Iterator[None]:
    """Let tracebacks show the lines of the code while it runs."""
    linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
    try:
        yield
    finally:
        linecache.cache.pop(filename, None)


def _explain(raised: BaseException, filename: str) -> str:
    """Return what went wrong, even of an exception that raises others when it is looked at."""
    try:
        return _traceback(raised, filename)
    except BaseException:
        return f"{type.__getattribute__(type(raised), '__name__')}: an exception that cannot be shown\n"


def _traceback(raised: BaseException, filename: str) -> str:
    """Return the traceback as the code's author expects it: from the first frame of the code on."""
    trace: TracebackType | None = raised.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != filename:
        trace = trace.tb_next
    text = "".join(traceback.format_exception(type(raised), raised, trace))
    if isinstance(raised, SystemExit):
        return text + "The code asked Python to exit; Blender keeps running.\n"
    try:
        return text + explain(raised, trace, text)
    except Exception:
        # What the code has raised can be of any class: a hint must not cost the error itself.
        return text


def _explain_end(raised: BaseException, filename: str) -> str:
    """Return where the code was when it was ended."""
    trace = raised.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != filename:
        trace = trace.tb_next
    return "".join(["It was here:\n", *traceback.format_tb(trace)]) if trace is not None else ""


def _output_so_far(capture: Capture) -> str:
    told = ""
    for kind, words in ((OUTPUT, "Printed before the error"), (ERROR, "Written to stderr before the error")):
        if capture.totals[kind]:
            told += f"\n{words}:\n{capture.ends(kind, OUTPUT_IN_ERROR)}"
    return told


def _refuse_flood(capture: Capture, limit: int) -> None:
    total = capture.totals[OUTPUT]
    if total <= limit:
        return
    start = capture.text(OUTPUT)[:2000]
    capture.forget()
    raise CommandError(
        f"The code ran to its end, but printed {total} characters; a result may have at most "
        f"{limit} bytes. Print less, or write to a file. The output begins:\n{start}"
    )
