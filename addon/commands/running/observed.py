"""Around the code of a job: what it changed is told, and becomes one step of undo."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator
from typing import Any

import bpy

from ...link.queue.control import JobControl
from ..place import override
from .changes import MAX_OBJECTS, Fingerprint, Watcher, differences, fingerprint, is_changed

MAX_STEP_NAME = 60
LEFT_OUT = {"summary": f"left out: the file has more than {MAX_OBJECTS} objects, or was not to be read"}
# Calls that change what a fingerprint does not show.
_WRITERS = {
    "new", "remove", "link", "unlink", "clear", "add", "foreach_set", "from_pydata", "pack", "transform", "setattr",
    "delattr", "exec", "eval", "keyframe_insert", "driver_add", "move", "assign", "id_properties_clear",
}  # fmt: skip


@contextlib.contextmanager
def observed(control: JobControl, code: str, *, tell: bool) -> Iterator[None]:
    """Put what the code changed into the job's extra fields, if asked to `tell`, and push a step if there is one."""
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
        found, changed = _found(before, watcher)
        if tell:
            control.extra["changes"] = found
        if undoable and (changed or may_write(code)):
            push_step(step_name(control, code))


def _looked() -> Fingerprint | None:
    try:
        return fingerprint()
    except Exception:
        # Code can leave Blender without a scene in the window; the job itself is what counts.
        return None


def _found(before: Fingerprint | None, watcher: Watcher) -> tuple[dict[str, Any], bool]:
    """Return what is told, and whether there is anything to undo, which there may be where nothing is known."""
    if before is None:
        return dict(LEFT_OUT), True
    try:
        watcher.stop()
        after = fingerprint()
        if after is None:
            return dict(LEFT_OUT), True
        found = differences(before, after, watcher.changed)
    except Exception:
        return dict(LEFT_OUT), True
    return found, is_changed(found, before, after)


def may_write(code: str) -> bool:
    """Tell whether code has the look of changing something: then it is a step, though no change was seen."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            return True
        if isinstance(node, ast.Attribute) and node.attr == "ops":
            return True
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in _WRITERS:
                return True
    return False


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
