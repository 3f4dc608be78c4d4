"""What code of a caller may leave changed in the Python that Blender and all its add-ons share: nothing of this."""

from __future__ import annotations

import builtins
import contextlib
import gc
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any

OWN_PACKAGE = __package__.partition(".commands")[0]
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_BUILTINS = builtins.__dict__


@contextlib.contextmanager
def interpreter_kept() -> Iterator[None]:
    """Give back what traces, what shows errors, how deep calls go, how often threads change, and what names mean.

    Names that code adds stay. Modules that it takes away stay away, unless others cannot do without them.
    """
    hooks = sys.excepthook, sys.displayhook, threading.excepthook
    tracing, profiling, depth = sys.gettrace(), sys.getprofile(), sys.getrecursionlimit()
    others = threading.gettrace(), threading.getprofile()
    interval, collects, handlers = sys.getswitchinterval(), gc.isenabled(), [*map(signal.getsignal, _SIGNALS)]
    names, modules = _BUILTINS.copy(), sys.modules.copy()
    try:
        yield
    finally:
        # First, for what follows needs them.
        for name, meant in names.items():
            if _BUILTINS.get(name) is not meant:
                _BUILTINS[name] = meant
        _bring_back(modules)
        sys.settrace(tracing)
        sys.setprofile(profiling)
        sys.setrecursionlimit(depth)
        sys.setswitchinterval(interval)
        sys.excepthook, sys.displayhook, threading.excepthook = hooks
        (gc.enable if collects else gc.disable)()
        _stop_tracing(*others)
        for number, handler in zip(_SIGNALS, handlers, strict=True):
            # One that was not set from Python cannot be set again.
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)


def _bring_back(modules: Mapping[str, Any]) -> None:
    present = sys.modules
    for name, module in modules.items():
        if module is not None and present.get(name) is None:
            first = name.partition(".")[0]
            whole = name in present or first in sys.stdlib_module_names or first in ("bpy", "mathutils", "bmesh")
            if whole or name.startswith(OWN_PACKAGE):
                present[name] = module


def _stop_tracing(tracing: Any, profiling: Any) -> None:
    """Take what was set for all other threads back, those of the extension among them."""
    if threading.gettrace() is not tracing:
        everywhere = getattr(threading, "settrace_all_threads", threading.settrace)
        everywhere(tracing)
    if threading.getprofile() is not profiling:
        everywhere = getattr(threading, "setprofile_all_threads", threading.setprofile)
        everywhere(profiling)
