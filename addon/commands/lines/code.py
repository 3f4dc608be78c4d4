"""python.execute: code as servers that frame by lines send it, and all that they expect to hear of it."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Annotated, Any

from ...link.queue.control import JobControl
from ...link.queue.interrupt import JobCancelled
from ..code import MAX_CODE_CHARS, run_code
from ..registry import Bounds, CommandError, Name
from .shapes import make

MAX_OUTPUT_CHARS = 8 * 1_048_576


class Cancelled:
    """What these servers' code asks whether it is to stop."""

    def __init__(self, control: JobControl) -> None:
        self._event = control.cancelled

    def is_set(self) -> bool:
        """Tell whether its caller has asked it to stop."""
        return self._event.is_set()


def source(params: dict[str, Any]) -> str:
    """Return the code to run: `code`, or the text of the file `script_path`. Raises CommandError."""
    code, script = params.get("code"), params.get("script_path")
    if (code is None) == (script is None):
        raise CommandError("python.execute: give code or script_path, one of them")
    if script is None:
        return str(code)
    path = Path(script).expanduser()
    if path.suffix != ".py" or not path.is_file():
        raise CommandError(f"python.execute: script_path must be a .py file that exists, got {str(script)[:500]!r}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise CommandError(f"python.execute: {path} cannot be read: {error}") from None
    if len(text) > MAX_CODE_CHARS:
        raise CommandError(f"python.execute: {path} is longer than {MAX_CODE_CHARS} characters")
    return text


def python_execute(
    control: JobControl,
    *,
    code: Annotated[str, Bounds(0, MAX_CODE_CHARS)] | None = None,
    script_path: Name | None = None,
    args: dict[str, Any] | None = None,
    timeout_seconds: Annotated[float, Bounds(0.1, 86_400)] | None = None,
) -> dict[str, Any]:
    """Run code that finds `args` and leaves `__result__`; what it raises is an answer with `error`, not a failure."""
    text = source({"code": code, "script_path": script_path})
    if timeout_seconds is not None:
        control.end_after(timeout_seconds)
    names: dict[str, Any] = {
        "args": args or {},
        "math": math,
        "mcp_create_mesh": _create_mesh,
        "__result__": None,
        "__cancel_event__": Cancelled(control),
    }
    started = time.monotonic()
    told: dict[str, Any] = {"result": None, "stdout": "", "stderr": "", "error": None}
    try:
        printed = run_code(control, text, names, MAX_OUTPUT_CHARS)
    except JobCancelled as ended:
        by_time = control.ends_at is not None and time.monotonic() >= control.ends_at
        told["error"] = "\n".join([control.reason, *map(str, ended.args)])
        told |= {"timed_out": by_time, "cancelled": not by_time}
    except CommandError as error:
        told["error"] = str(error)
    else:
        told |= {"result": names.get("__result__"), "stdout": printed.output, "stderr": printed.errors}
    took = round(time.monotonic() - started, 4)
    return {"timed_out": False, "cancelled": False, **told, "duration_seconds": took}


def _create_mesh(mesh_type: str, *, name: str | None = None, location: Any = None, size: float = 2.0) -> Any:
    return make(mesh_type.lower(), name, location or (0, 0, 0), size)
