"""Around the code of a job: what it changed is told, and becomes one step of undo."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import bpy

from ...link.queue.control import JobControl
from ..place import override
from ..source import may_write
from .changes import MAX_OBJECTS, Fingerprint, Watcher, differences, fingerprint, is_changed

MAX_STEP_NAME = 60
LEFT_OUT = {"summary": f"left out: the file has more than {MAX_OBJECTS} objects, or was not to be read"}


@contextlib.contextmanager
def observed(control: JobControl, code: str, *, tell: bool, give_back: Callable[[], bool]) -> Iterator[None]:
    """Put what the code changed into the job's extra fields, if asked to `tell`, and push a step if there is one.

    `give_back` brings the person's mode back and says whether it has: that comes after the step, which holds all of the
    file in object mode only.
    """
    undoable = not bpy.app.background and bool(bpy.context.window_manager.windows)
    if not (tell or undoable):
        yield
        return
    before, watcher = _looked(), Watcher()
    if before is not None:
        watcher.start()
    try:
        yield
    finally:
        after = _looked_again(before, watcher)
        found = _found(before, after, watcher)
        if undoable and (_has_changed(found, before, after) or may_write(code)):
            push_step(step_name(control, code))
        if give_back() and before is not None and after is not None:
            after = replace(after, mode=before.mode, active=before.active, selected=before.selected)
            found = _found(before, after, watcher)
            if undoable:
                push_step("Back to the mode of before")
        if tell:
            control.extra["changes"] = dict(LEFT_OUT) if found is None else found


def _has_changed(found: dict[str, Any] | None, before: Fingerprint | None, after: Fingerprint | None) -> bool:
    return found is None or before is None or after is None or is_changed(found, before, after)


def _looked() -> Fingerprint | None:
    try:
        return fingerprint()
    except Exception:
        # Code can leave Blender without a scene in the window; the job itself is what counts.
        return None


def _looked_again(before: Fingerprint | None, watcher: Watcher) -> Fingerprint | None:
    try:
        watcher.stop()
    except Exception:
        return None
    return _looked() if before is not None else None


def _found(before: Fingerprint | None, after: Fingerprint | None, watcher: Watcher) -> dict[str, Any] | None:
    """Return what is told; None where it is not known, and there may be something to undo."""
    if before is None or after is None:
        return None
    try:
        return differences(before, after, watcher.changed)
    except Exception:
        return None


def step_name(control: JobControl, code: str) -> str:
    """Return the name of the step: who did it, and how the code begins."""
    lines = (line.strip() for line in code.splitlines())
    first = next((line for line in lines if line and not line.startswith(("#", "import ", "from "))), "")
    return f"{control.job.origin.words}: {first or control.job.command}"[:MAX_STEP_NAME]


def push_step(name: str) -> None:
    """Make what was done one step of undo."""
    windows = bpy.context.window_manager.windows
    window = bpy.context.window or (windows[0] if windows else None)
    with contextlib.suppress(RuntimeError), override(window=window) if window else contextlib.nullcontext():
        bpy.ops.ed.undo_push(message=name)
