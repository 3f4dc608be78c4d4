"""What code of a caller may not do to the Blender it runs in: end the connection, or reset its user's preferences.

While code runs, the operators that would do so are replaced by ones that do what was meant, or say what to do instead.
Blender itself and the person before it are not touched.
"""

from __future__ import annotations

import _thread
import contextlib
import inspect
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import addon_utils
import bpy

from ..checkpoints.keeper import keeper
from ..place import REGIONS_ARE_WHOLE, largest_viewport, override, real_override
from .modes import called, in_a_mode

OWN_MODULE = __package__.partition(".commands")[0]
OWN_ID = OWN_MODULE.rpartition(".")[2]
QUIT_SECONDS = 1.0
ALL = "*"
_PREFERENCES = "The preferences belong to the user of this Blender; code of a client does not reset or reload them"


class _Operator:
    """An operator that is replaced; all but the call is that of the real one."""

    def __init__(self, real: Any, call: Callable[..., Any]) -> None:
        self._real = real
        self._call = call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call(self._real, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _Family:
    """A family of operators of which some are replaced."""

    def __init__(self, real: Any, calls: dict[str, Callable[..., Any]]) -> None:
        self._real = real
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        call = self._calls.get(name) or self._calls.get(ALL)
        operator = real if call is None else _Operator(real, call)
        return _Operator(operator, called) if in_a_mode() else operator

    def __dir__(self) -> list[str]:
        return dir(self._real)


def _read_factory_settings(real: Any, *args: Any, **kwargs: Any) -> Any:
    """Load the factory scene, and leave preferences and add-ons alone."""
    keeper.before_load()
    load = bpy.ops.wm.read_homefile
    known = {prop.identifier for prop in load.get_rna_type().properties}
    given = {name: value for name, value in kwargs.items() if name in known}
    result = load(*args, **{**given, "use_factory_startup": True})
    what = "an empty scene" if kwargs.get("use_empty") else "the factory scene"
    print(f"[Blender Bus] read_factory_settings loaded {what}; preferences, extensions and the connection were kept")
    return result


def _load(real: Any, *args: Any, **kwargs: Any) -> Any:
    """Load another file, after a checkpoint of what is open."""
    keeper.before_load()
    return real(*args, **kwargs)


def _quit_blender(real: Any, *args: Any, **kwargs: Any) -> Any:
    """Quit once the answer of the job that asks is on its way."""
    if not bpy.app.background:
        bpy.app.timers.register(lambda: _quit_now(real), first_interval=QUIT_SECONDS)
    elif callable(signal.getsignal(signal.SIGTERM)):
        # A peer without a window ends by this signal, after it has told the bus.
        timer = threading.Timer(QUIT_SECONDS, _thread.interrupt_main, [signal.SIGTERM])
        timer.daemon = True
        timer.start()
    else:
        raise RuntimeError("quit_blender: this process is not Blender's alone; whoever has started it must end it")
    print(f"[Blender Bus] Blender quits {QUIT_SECONDS:g} s after this job; unsaved changes are lost")
    return {"FINISHED"}


def _quit_now(real: Any) -> None:
    windows = bpy.context.window_manager.windows
    with override(window=windows[0]) if windows else contextlib.nullcontext():
        real()


def _window_close(real: Any, *args: Any, **kwargs: Any) -> Any:
    """Close a window, but for the last one: Blender quits with it, without asking if nothing is unsaved."""
    own = [window for window in bpy.context.window_manager.windows if window.parent is None]
    if own == [bpy.context.window]:
        raise RuntimeError(
            "window_close: this is Blender's last window, and without one it quits; to quit it: "
            "bpy.ops.wm.quit_blender()"
        )
    return real(*args, **kwargs)


def _not_ours(real: Any, *args: Any, **kwargs: Any) -> Any:
    if OWN_MODULE in (kwargs.get("module"), kwargs.get("pkg_id")) or kwargs.get("pkg_id") == OWN_ID:
        raise RuntimeError(
            "This is the extension that runs this code: without it the connection ends and nobody could answer. "
            "The user can switch it off in Edit > Preferences > Add-ons"
        )
    return real(*args, **kwargs)


def _refuse_preferences(real: Any, *args: Any, **kwargs: Any) -> Any:
    raise RuntimeError(f"{_PREFERENCES}. To empty the scene: bpy.ops.wm.read_homefile(use_empty=True)")


def _in_region(real: Any, *args: Any, **kwargs: Any) -> Any:
    """Of operators that look at a view: they need its region, which is not there for the others."""
    place = largest_viewport()
    if place is None or bpy.context.region is not None:
        return real(*args, **kwargs)
    with override(window=place.window, area=place.area, region=place.region):
        return real(*args, **kwargs)


def _temp_override(context: Any, *args: Any, **members: Any) -> Any:
    """Stand for `bpy.context.temp_override`: without other members than places, no dictionary is needed."""
    if args or not members or members.keys() - {"window", "area", "region", "screen"}:
        return real_override(context, *args, **members)
    return override(**members)


def _batch_remove(data: Any, ids: Any) -> Any:
    """Stand for `bpy.data.batch_remove`: a Blender ends whose windows still show what it has removed."""
    items = list(ids)
    if any(isinstance(item, _SHOWN_BY_WINDOWS) for item in items):
        raise RuntimeError(
            "batch_remove: workspaces, screens and the window manager are shown by Blender's windows and cannot be "
            "removed so; bpy.ops.workspace.delete() removes the workspace that is shown"
        )
    # In Blender 4.2 it knows its data by itself, and takes no self.
    return _real_batch_remove(data, items) if _IS_A_METHOD else _real_batch_remove(items)


_SHOWN_BY_WINDOWS = (bpy.types.WorkSpace, bpy.types.Screen, bpy.types.WindowManager)
_real_batch_remove = bpy.types.BlendData.batch_remove
_IS_A_METHOD = inspect.ismethoddescriptor(_real_batch_remove)
_RECOVERS = ("recover_auto_save", "recover_last_session")
_REPLACED: dict[str, dict[str, Callable[..., Any]]] = {
    "wm": {
        "read_factory_settings": _read_factory_settings,
        "read_factory_userpref": _refuse_preferences,
        "read_userpref": _refuse_preferences,
        "quit_blender": _quit_blender,
        "window_close": _window_close,
        **dict.fromkeys(("open_mainfile", "read_homefile", "revert_mainfile", *_RECOVERS), _load),
    },
    "preferences": {"addon_disable": _not_ours, "addon_remove": _not_ours},
    "extensions": {"package_uninstall": _not_ours},
}
if not REGIONS_ARE_WHOLE:
    _REPLACED["view3d"] = {ALL: _in_region}
    _REPLACED["anim"] = {"keyframe_insert_menu": _in_region}
    _REPLACED["uv"] = {"project_from_view": _in_region}


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Replace the operators of the table while code of a caller runs."""
    disable = addon_utils.disable

    def disable_others(module_name: str, *args: Any, **kwargs: Any) -> Any:
        return _not_ours(lambda **_: disable(module_name, *args, **kwargs), module=module_name)

    before = {name: bpy.ops.__dict__.get(name) for name in _REPLACED}
    real_family = bpy.ops.__getattr__
    try:
        for name, calls in _REPLACED.items():
            setattr(bpy.ops, name, _Family(getattr(bpy.ops, name), calls))
        if in_a_mode():
            bpy.ops.__getattr__ = lambda name: _Family(real_family(name), {})
        addon_utils.disable = disable_others
        bpy.types.Context.temp_override = _temp_override
        bpy.types.BlendData.batch_remove = _batch_remove
        yield
    finally:
        addon_utils.disable = disable
        bpy.ops.__getattr__ = real_family
        bpy.types.Context.temp_override = real_override
        bpy.types.BlendData.batch_remove = _real_batch_remove
        for name, family in before.items():
            if family is None:
                bpy.ops.__dict__.pop(name, None)
            else:
                setattr(bpy.ops, name, family)
