"""What is seen of jobs in Blender while they keep it from drawing by itself. Main thread only."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Iterator
from typing import Any

import bpy

from .commands.allowed.policy import only_reads
from .commands.place import override
from .link.queue.control import JobControl
from .link.queue.main_thread import MainThreadQueue

REDRAW_INTERVAL = 0.25


def _sidebars() -> Iterator[tuple[Any, Any, Any]]:
    """Yield window, area and region of each sidebar that could show the panel."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas if window.screen is not None else ():
            for region in area.regions if area.type == "VIEW_3D" else ():
                if region.type == "UI":
                    yield window, area, region


def tag_panels() -> None:
    """Have Blender draw what tells of us. The sidebar alone: drawing the scene for each job would slow down both."""
    for _, _, region in _sidebars():
        region.tag_redraw()
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas if window.screen is not None else ():
            if area.type == "PREFERENCES":
                area.tag_redraw()


class Display:
    """Tells of a job before it runs, and how far it is. All that it and the session have drawn shares one interval."""

    def __init__(self, queue: MainThreadQueue, clock: Callable[[], float] = time.monotonic) -> None:
        self._queue = queue
        self._clock = clock
        self._announced = ""
        self._drawn_at = -REDRAW_INTERVAL
        self._counting = False
        queue.show = self.show

    def announce(self) -> bool:
        """Have the panel tell of the next job; True if it is to run only after that. Not of each in a quick row."""
        control = self._queue.upcoming
        if control is None or control.job.job_id == self._announced or self._queue.running is not None:
            return False
        if bpy.app.background or only_reads(control.job.command) or not self.redraw():
            return False
        self._announced = control.job.job_id
        return True

    def redraw(self) -> bool:
        """Have Blender draw the panels, unless it has just been told to; return whether it will."""
        if not self._may_draw():
            return False
        tag_panels()
        return True

    def show(self, control: JobControl) -> None:
        """Draw the panel, and the count at the mouse, in the middle of the job that runs."""
        if bpy.app.background or self._queue.running is not control or not self._may_draw():
            return
        manager = bpy.context.window_manager
        if not self._counting:
            self._counting = True
            manager.progress_begin(0.0, 100.0)
        manager.progress_update(min(100.0, max(0.0, control.percent)))
        for window, area, region in _sidebars():
            if region.width > 1:
                # It reports how long it took, which is no output of the job.
                quiet = contextlib.redirect_stdout(io.StringIO())
                with quiet, contextlib.suppress(RuntimeError), override(window=window, area=area, region=region):
                    bpy.ops.wm.redraw_timer(type="DRAW_SWAP", iterations=1)

    def end(self) -> None:
        """After a turn: take the count away."""
        if self._counting:
            self._counting = False
            bpy.context.window_manager.progress_end()

    def _may_draw(self) -> bool:
        now = self._clock()
        if now - self._drawn_at < REDRAW_INTERVAL:
            return False
        self._drawn_at = now
        return True
