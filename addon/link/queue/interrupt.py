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
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

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
        self._thread = ctypes.c_ulong(threading.get_ident())
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


_CALL = Interrupter.call.__code__
