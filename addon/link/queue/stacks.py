"""Where a thread is, for others.

Its frames are let go at once: a frame that is held when it ends keeps what its names are, and Python looks at that
later, when Blender may have freed it.
"""

from __future__ import annotations

import dis
import gc
import sys
import threading
import traceback
from dataclasses import dataclass
from types import CodeType, FrameType

from ..records import cut_middle

MAX_STACK_BYTES = 8_192
# One at a time: whether garbage is collected is one switch for all.
_listing = threading.Lock()


@dataclass(frozen=True, slots=True)
class Place:
    """A bytecode instruction. A short loop, or a function that is called again and again, may be at the same one."""

    code: CodeType
    instruction: int

    @property
    def is_call(self) -> bool:
        """Tell whether it calls something."""
        code = self.code.co_code
        return self.instruction < len(code) and dis.opname[code[self.instruction]].startswith(("CALL", "PRECALL"))


def _frame_of(thread: int | None) -> FrameType | None:
    """Return the frame that a thread is in, for its caller to let go of.

    Python 3.11 lists threads under a lock of its own. Were garbage collected meanwhile, what that calls could hand over
    the global lock: the next thread to begin or end would have that and wait for the other one, and Blender would hang
    for good. So nothing is collected meanwhile.
    """
    with _listing:
        collects = gc.isenabled()
        gc.disable()
        try:
            return sys._current_frames().get(thread or 0)
        finally:
            if collects:
                gc.enable()


def place_of(thread: int | None) -> Place | None:
    """Return where a thread is; None if there is no such thread."""
    frame = _frame_of(thread)
    return None if frame is None else Place(frame.f_code, frame.f_lasti)


def stack_of(thread: int | None) -> traceback.StackSummary:
    """Return the Python stack of a thread, the outermost call first; its lines are read when they are asked for."""
    frame = _frame_of(thread)
    calls = [] if frame is None else [
        traceback.FrameSummary(frame.f_code.co_filename, line, frame.f_code.co_name, lookup_line=False)
        for frame, line in traceback.walk_stack(frame)
    ]  # fmt: skip
    return traceback.StackSummary.from_list(calls[::-1])


def text_of(stack: traceback.StackSummary, since: str) -> str:
    """Return a stack as a traceback shows it, from the first call in the file `since` on; a very deep one is cut."""
    first = next((number for number, call in enumerate(stack) if call.filename == since), 0)
    return cut_middle("".join(traceback.StackSummary.from_list(stack[first:]).format()), MAX_STACK_BYTES)


def line_of(stack: traceback.StackSummary, filename: str) -> str:
    """Return which line of a file runs, in words that begin with a comma; nothing if none does."""
    call = next((call for call in reversed(stack) if call.filename == filename), None)
    return "" if call is None else f", at line {call.lineno}: {(call.line or '').strip()[:120]}"
