"""End Python code on this thread that never comes back, from another thread.

The interpreter raises an exception that another thread has set at its next check, between two bytecodes. Checks follow
calls, and jumps backwards. Everything here leans on where they are not: between `if self._armed` and the call that
sets the exception, and between `self._armed = False` and the `try` that lets it come. So what is set is raised inside
`call`: code after it is never hit. (CPython up to 3.14, with its global lock.)
"""

from __future__ import annotations

import ctypes
import sys
import threading
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

from ..records import cut_middle

T = TypeVar("T")
MAX_STACK_BYTES = 8_192

_set_exception = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p)(
    ("PyThreadState_SetAsyncExc", ctypes.pythonapi)
)


class JobCancelled(BaseException):
    """Raised inside a running job that was cancelled; not an Exception, so that job code does not swallow it."""


class Interrupter:
    """Guards calls of one thread. `interrupt` may be called from any other, at any time."""

    def __init__(self) -> None:
        self._armed = False
        self._asked = False
        self._thread = ctypes.c_ulong(0)
        self._ident = 0

        guard = self

        class Interrupted(JobCancelled):
            """Whoever catches this has the next one set for the next check: code that swallows all cannot go on."""

            def __init__(self, *details: object) -> None:
                super().__init__(*details)
                # The frame that catches it is the one that calls this; our own `call` is where it ends.
                if guard._armed and sys._getframe(1).f_code is not _CALL:
                    # Unpacking does the call without a check after it: one here would raise it right here.
                    setting = map(_set_exception, (guard._thread,), (guard._address,))
                    [_] = setting

        self._exception = Interrupted
        self._address = ctypes.c_void_p(id(Interrupted))

    @property
    def armed(self) -> bool:
        """Tell whether code runs that can be interrupted."""
        return self._armed

    def call(self, action: Callable[[], T]) -> T:
        """Call `action` and return what it returns. An interrupt raises JobCancelled in it, or here."""
        if self._armed:
            # Code that runs code: the outer call guards both.
            return action()
        self._ident = threading.get_ident()
        self._thread = ctypes.c_ulong(self._ident)
        thread, address, interrupted = self._thread, self._address, self._exception
        self._asked = False
        try:
            self._armed = True
            return action()
        finally:
            # Without a check between here and the try.
            self._armed = False
            if self._asked:
                try:
                    # It is raised here for good. To take it back would leave Python 3.11 with a check that never ends:
                    # slow from then on, and gone for good in the next call while a trace function is set.
                    _set_exception(thread, address)
                    while True:
                        pass
                except interrupted:
                    pass

    def interrupt(self) -> bool:
        """Raise JobCancelled in the call that runs; return whether there is one."""
        thread, address = self._thread, self._address
        if self._armed:
            self._asked = True
            _set_exception(thread, address)
        return self._armed

    def stack(self, until: str = "") -> str:
        """Return the Python stack of the guarded thread, from the first frame of the file `until` on."""
        frame = sys._current_frames().get(self._ident)
        return "" if frame is None else stack_text(frame, until)


_CALL = Interrupter.call.__code__


def stack_text(frame: FrameType, until: str = "") -> str:
    """Return a frame's stack as a traceback shows it, cut in the middle if it is very deep."""
    frames: list[Any] = list(traceback.walk_stack(frame))[::-1]
    first = next((n for n, (item, _) in enumerate(frames) if item.f_code.co_filename == until), 0)
    text = "".join(traceback.StackSummary.extract(iter(frames[first:])).format())
    return cut_middle(text, MAX_STACK_BYTES)
