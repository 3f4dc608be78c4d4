"""A thread beside the main thread: it ends cancelled and late jobs, and tells callers what keeps Blender busy."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable

from .control import JobControl
from .interrupt import Interrupter
from .stacks import Place, line_of, place_of, stack_of, text_of

POLL_INTERVAL = 0.1
TELL_INTERVAL = 5.0
IDLE_SECONDS = 2.0
# So long at one place may be a call that does not return, or a short loop.
PULSE_AFTER = 1.0


class _Pulse:
    """Tells whether the main thread interprets Python: a short loop stands at the same place whenever one looks.

    What it is asked to do is no Python: Python 3.11 never comes back from a function that it calls at such a moment
    while code has set a trace function.
    """

    def __init__(self) -> None:
        # Turned around by the main thread as soon as it interprets anything. Kept as long as it may do so.
        self._sign = [False, True]
        self._asked = False
        self._beats = 0
        self._turn = ctypes.cast(ctypes.pythonapi.PyList_Reverse, ctypes.c_void_p)
        self._add = ctypes.pythonapi.Py_AddPendingCall
        self._add.argtypes, self._add.restype = [ctypes.c_void_p, ctypes.c_void_p], ctypes.c_int

    @property
    def beats(self) -> int:
        """Return how often the main thread has answered."""
        if self._asked and self._sign[0]:
            self._sign.reverse()
            self._asked = False
            self._beats += 1
        return self._beats

    def ask(self) -> None:
        """Have the main thread count a beat as soon as it interprets anything."""
        if not self._asked:
            self._asked = True
            if self._add(self._turn, id(self._sign)) != 0:
                self._asked = False


# One for good: a beat may be due long after its watch has ended.
_pulse = _Pulse()


class Watch:
    """Looks at the job that runs, ten times a second; the thread goes when there has been none for a while."""

    def __init__(self, running: Callable[[], JobControl | None], interrupter: Interrupter) -> None:
        self._running = running
        self._interrupter = interrupter
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._idle_since = 0.0
        self._stop = threading.Event()
        self._seen: JobControl | None = None
        self._told_at = 0.0
        self._place: Place | None = None
        self._stuck_since = 0.0
        self._beats = 0

    def wake(self) -> None:
        """Begin to look, on the main thread, before a job runs."""
        with self._guard:
            self._idle_since = time.monotonic()
            if self._thread is None:
                self._stop = threading.Event()
                self._thread = threading.Thread(
                    target=self._run, args=(self._stop,), name="blender-bus-watch", daemon=True
                )
                self._thread.start()

    def stop(self) -> None:
        """End the thread now; `wake` starts it anew."""
        with self._guard:
            thread, self._thread = self._thread, None
            self._stop.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(1.0)

    def _run(self, stop: threading.Event) -> None:
        main = threading.main_thread().ident
        while not stop.wait(POLL_INTERVAL):
            control = self._running()
            now = time.monotonic()
            with self._guard:
                if stop.is_set():
                    return
                if control is not None:
                    self._idle_since = now
                elif now - self._idle_since >= IDLE_SECONDS:
                    self._thread = self._place = self._seen = None
                    return
            if control is not None:
                self._look(control, now, main)

    def _look(self, control: JobControl, now: float, main: int | None) -> None:
        if control is not self._seen:
            self._seen, self._place, self._told_at = control, None, now
        if control.ends_at is not None and now >= control.ends_at and not control.cancelled.is_set():
            control.reason = f"Ended by its deadline of {control.deadline:g} s"
            control.cancelled.set()
        place = place_of(main)
        if place is not None:
            if place != self._place:
                self._place, self._stuck_since = place, now
            elif now - self._stuck_since >= PULSE_AFTER and not control.cancelled.is_set():
                if _pulse.beats != self._beats:
                    self._stuck_since = now
                _pulse.ask()
            self._beats = _pulse.beats
        if control.cancelled.is_set():
            self._interrupter.interrupt()
        if now - self._told_at >= TELL_INTERVAL:
            self._told_at = now
            control.told_busy = True
            words, busy = self._words(control, now, main), now - control.started
            control.report(control.job.job_id, control.percent, words, busy)

    def _words(self, control: JobControl, now: float, main: int | None) -> str:
        """Say how long the job has run; if it is in one call all the time, how long in that; and where."""
        place, stack = place_of(main), stack_of(main)
        if place is None or not self._interrupter.armed:
            return f"busy since {now - control.started:.0f} s: {control.job.command}"
        filename = f"<code of {control.job.job_id}>"
        line, stuck = line_of(stack, filename), now - self._stuck_since
        if stuck >= TELL_INTERVAL / 2 and place.is_call:
            words = f"blocked in a Blender operation since {stuck:.0f} s{line}"
        else:
            words = f"busy since {now - control.started:.0f} s{line}"
        return f"{words}\n{text_of(stack, filename)}"
