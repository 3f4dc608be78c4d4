"""The mode a person works in, such as edit mode: code that needs object mode gets it, and the person gets theirs back.

An operator that refuses to work in the person's mode is tried in object mode. At the end of the job mode, selection and
active object are as they were, unless the code has changed the mode on purpose: by ending in a mode it has entered, or
with a call for it as the last thing it does. A mode that an earlier job has entered is the clients', not the person's.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import bpy

from ..place import override

# What adds an object, but to the mesh that is being edited if one is: code that edits has more calls than these.
_ADDERS = re.compile(r"(mesh|curve|surface)\.primitive_\w+_add")
_EDITS = re.compile(r"\w+_edit_mesh|bpy\.ops\.(mesh|curve|surface)\.(?!primitive_)\w|mode_set|_toggle\b")
_CHANGES_MODE = re.compile(r"object\.mode_set(_with_submode)?|\w+\.\w+mode_toggle|paint\.\w+_paint_toggle")
_REFUSAL = re.compile(r"edit ?mode|object mode", re.IGNORECASE)


class UsersMode:
    """The mode, selection and active object of the person, from the beginning of a job to its end."""

    def __init__(self, code: str) -> None:
        self._code = code
        layer = bpy.context.view_layer
        self._layer = layer
        self._active = None if layer is None else layer.objects.active
        self.mode: str = "OBJECT" if self._active is None else self._active.mode
        self._edited = [] if self.mode == "OBJECT" else _names(getattr(bpy.context, "objects_in_mode", ()))
        self._selected = [] if layer is None else _names(layer.objects.selected)
        self.name = "" if self._active is None else self._active.name
        # Whether the person is in a mode that could be in the way.
        self.counts = self.mode != "OBJECT" and _left != (self.mode, self.name)
        # The code has entered a mode by itself, and not left it.
        self._own = False
        # Our own calls are no purpose of the code.
        self._within = False

    def call(self, real: Any, *args: Any, **kwargs: Any) -> Any:
        """Call an operator; in object mode, if it does not work in the person's."""
        name = real.idname_py()
        if self._within:
            return real(*args, **kwargs)
        if _CHANGES_MODE.fullmatch(name):
            result = real(*args, **kwargs)
            self._own = _mode() != "OBJECT"
            return result
        if self._own or _mode() != self.mode or name.startswith(("wm.", "ed.", "screen.")):
            return real(*args, **kwargs)
        adds = self.mode == "EDIT" and _ADDERS.fullmatch(name) and not _EDITS.search(self._code)
        if adds or not real.poll(*args):
            return self._in_object_mode(real, args, kwargs)
        try:
            return real(*args, **kwargs)
        except RuntimeError as refusal:
            if not _REFUSAL.search(str(refusal)):
                raise
            return self._in_object_mode(real, args, kwargs)

    def _in_object_mode(self, real: Any, args: Any, kwargs: Any) -> Any:
        self._enter("OBJECT")
        if _mode() == "OBJECT" and not real.poll(*args):
            # It is not for the mode's sake: the error should tell of the person's.
            self._enter(self.mode)
        return real(*args, **kwargs)

    def give_back(self) -> bool:
        """Bring mode, selection and active object back; return whether they were changed and are as before."""
        if not self.counts or self._own or _mode() == self.mode or ends_with_mode(self._code):
            return False
        return self.restore()

    def restore(self) -> bool:
        """Bring mode, selection and active object back, whoever has changed them; return whether that is so."""
        layer = bpy.context.view_layer
        if layer != self._layer or _mode() == self.mode:
            return False
        active = layer.objects.get(self.name)
        if active is None:
            # The code has removed what was being edited.
            return False
        try:
            # All that were edited together are entered together.
            self._select(layer, self._edited or [self.name])
            layer.objects.active = active
            self._enter(self.mode)
            self._select(layer, self._selected)
        except RuntimeError:
            return False
        return str(active.mode) == self.mode

    def _enter(self, mode: str) -> None:
        """Enter a mode with the active object; without effect where Blender refuses."""
        windows = bpy.context.window_manager.windows
        place: Any = contextlib.nullcontext()
        if bpy.context.window is None and windows and not bpy.app.background:
            place = override(window=windows[0])
        self._within = True
        try:
            with contextlib.suppress(RuntimeError, TypeError), place:
                bpy.ops.object.mode_set(mode=mode)
        finally:
            self._within = False

    def _select(self, layer: Any, names: list[str]) -> None:
        wanted = set(names)
        for item in layer.objects:
            if item.select_get() != (item.name in wanted):
                item.select_set(item.name in wanted)


def _names(items: Any) -> list[str]:
    return [item.name for item in items]


def _mode() -> str:
    active = getattr(getattr(bpy.context.view_layer, "objects", None), "active", None)
    return "OBJECT" if active is None else str(active.mode)


def ends_with_mode(code: str) -> bool:
    """Tell whether a call for another mode is the last thing that code does."""
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError):
        return False
    return bool(body) and bool(re.search(r"\bmode_set\(|mode_toggle\(", ast.unparse(body[-1])))


# Jobs run one at a time, but code can run code.
_present: list[UsersMode] = []
# The mode that a job has entered, and of which object, until somebody leaves it.
_left: tuple[str, str] | None = None


def _note_left(before: UsersMode) -> None:
    global _left
    now = UsersMode("")
    if now.mode == "OBJECT":
        _left = None
    elif now.mode != before.mode or now.name != before.name:
        _left = (now.mode, now.name)


def called(real: Any, *args: Any, **kwargs: Any) -> Any:
    """Call an operator for the code that runs."""
    return _present[-1].call(real, *args, **kwargs) if _present else real(*args, **kwargs)


def forget() -> None:
    """Take every mode for the person's."""
    global _left
    _left = None


@contextlib.contextmanager
def users_mode(code: str) -> Iterator[Callable[[], bool]]:
    """Note where the person is; yields what brings them back there, which is done at the end at the latest."""
    mode = UsersMode(code)
    if _left not in (None, (mode.mode, mode.name)):
        forget()
    done: list[bool] = []

    def give_back() -> bool:
        if not done:
            done.append(mode.give_back())
        return done[0]

    if mode.counts:
        _present.append(mode)
    try:
        yield give_back
    finally:
        if mode in _present:
            _present.remove(mode)
        give_back()
        _note_left(mode)


def in_a_mode() -> bool:
    """Tell whether code runs while its user is in another mode than object mode."""
    return bool(_present)
