"""What the person before this Blender is in the middle of: a job that came now would break it."""

from __future__ import annotations

from collections.abc import Generator
from time import monotonic
from typing import Any

import bpy

from ..link.queue.control import JobControl
from ..link.queue.interrupt import JobCancelled
from ..link.queue.main_thread import Pause
from ..link.records import WAITS_FOR_PERSON

LOOK_INTERVAL = 0.1
PATIENCE = 600.0
# Some add-ons keep an operator running all day. It counts while it is fresh.
FURNITURE_AFTER = 20.0
_RENDERS = {"RENDER": "a render", "OBJECT_BAKE": "a bake"}
# Their operators stay on after the render until the mouse moves, which may be tomorrow.
_LINGERING = ("RENDER_OT_render", "OBJECT_OT_bake")


class NeverFree(Exception):
    """The person did not come to an end in time; the message is for the caller."""


class Person:
    """Main thread only."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}

    def at_work(self) -> str:
        """Return in words what the user is in the middle of, or nothing. Before Blender 4.3 operators do not show."""
        if bpy.app.background:
            return ""
        running = next((words for kind, words in _RENDERS.items() if bpy.app.is_job_running(kind)), "")
        return running or _file_dialog() or self._operator()

    def _operator(self) -> str:
        now = monotonic()
        names = [
            operator.bl_idname
            for window in bpy.context.window_manager.windows
            for operator in getattr(window, "modal_operators", ())
            if operator.bl_idname not in _LINGERING
        ]
        self._seen = {name: self._seen.get(name, now) for name in names}
        for name in names:
            if not _is_of_an_addon(name) or now - self._seen[name] < FURNITURE_AFTER:
                return f"modal operator {_python_name(name)}"
        return ""

    def wait(self, control: JobControl, deadline: float | None, *, begun: bool = False) -> Generator[Pause, Any, None]:
        """Wait until the user's hands are free, for at most `deadline` seconds.

        What has `begun` goes on without its client.

        Raises JobCancelled when the deadline has passed, NeverFree after ten minutes without one.
        """
        began, told = monotonic(), ""
        try:
            while words := self.at_work():
                waited = monotonic() - began
                if control.deserted.is_set() and not begun:
                    raise NeverFree(f"{control.job.command}: not run, its client left while it waited: {words}")
                if deadline is not None and waited >= deadline:
                    control.reason = f"Ended by its deadline of {deadline:g} s, before it began: it waited for {words}"
                    raise JobCancelled
                if waited >= PATIENCE:
                    minutes = f"{PATIENCE / 60:.0f} minutes"
                    raise NeverFree(f"{control.job.command}: not run, it waited {minutes} for {words} to end")
                if words != told:
                    told = words
                    control.message = f"{WAITS_FOR_PERSON}{words}"
                    control.report(control.job.job_id, 0.0, control.message)
                yield LOOK_INTERVAL
        finally:
            if told:
                control.message = ""
                control.report(control.job.job_id, 0.0, "")


def _file_dialog() -> str:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas if window.screen is not None else ():
            space = area.spaces.active if area.type == "FILE_BROWSER" else None
            if getattr(space, "active_operator", None) is not None:
                return "a file dialog"
    return ""


def _is_of_an_addon(name: str) -> bool:
    """Tell whether an operator is a Python class of an add-on: Blender's own in C are not among its types."""
    kind = getattr(bpy.types, name, None)
    return kind is not None and not kind.__module__.startswith("bl_operators")


def _python_name(name: str) -> str:
    family, _, operator = name.partition("_OT_")
    return f"{family.lower()}.{operator}" if operator else name


person = Person()
