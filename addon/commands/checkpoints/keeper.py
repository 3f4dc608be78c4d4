"""Checkpoints that nobody asks for: before a client changes what a person has made, and before another file is loaded.

What a person does shows in Blender's handlers while no job runs. Selecting is no edit, and neither is playing. A copy
is made only where something has changed since the last one, and only as often as it costs a twentieth of the time.
"""

from __future__ import annotations

import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ...link.queue.control import JobControl
from .store import MAX_LABEL, CannotKeep, Checkpoint, store

MAX_CLIENTS = 64
# After one that took a second there is none for so many.
REST = 20.0


class Keeper:
    """Main thread only."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # How often a person has begun to edit, and up to where each client has been provided for.
        self._edits = 0
        self._provided: OrderedDict[str, int] = OrderedDict()
        # Whether there is anything that the last checkpoint does not hold.
        self._changed = False
        self._rests_until = 0.0
        self._jobs: list[JobControl] = []
        self._enabled = True
        self._watches = self._attended = self._fresh = False
        self.last: Checkpoint | None = None

    def forget(self) -> None:
        """Begin anew, as for a fresh file."""
        self._edits, self._rests_until, self.last = 0, 0.0, None
        self._changed = self._fresh = False
        self._provided.clear()

    # -- what happens in Blender ---------------------------------------------------------------------------------

    def watch(self, *, attended: bool) -> None:
        """Begin to listen; `attended` says that what is done outside of jobs is done by a person."""
        self._watches, self._attended = True, attended
        for name, handler in _HANDLERS.items():
            handlers = getattr(bpy.app.handlers, name)
            if handler not in handlers:
                handlers.append(handler)

    def unwatch(self) -> None:
        """Listen no longer."""
        self._watches = False
        for name, handler in _HANDLERS.items():
            handlers = getattr(bpy.app.handlers, name)
            if handler in handlers:
                handlers.remove(handler)

    def edited(self) -> None:
        """Something has changed; by a person, if no job runs."""
        self._changed = True
        if not self._jobs and self._attended:
            self._edits += 1

    def updated(self, updates: Any) -> None:
        """Blender has evaluated something anew. Outside of jobs the first time after loading is no edit."""
        fresh, self._fresh = self._fresh, False
        if (self._jobs or not fresh) and _is_edit(updates):
            self.edited()

    def loaded(self) -> None:
        """Another file is open. One that a person has opened is theirs; a fresh one holds nothing yet."""
        self._changed, self._fresh = False, True
        if bpy.data.filepath:
            self.edited()

    # -- what jobs do --------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def around(self, control: JobControl, *, enabled: bool, changes: bool) -> Iterator[None]:
        """Keep what a person has made before a job that `changes` the file, and tell its caller."""
        self._enabled = enabled
        self._jobs.append(control)
        try:
            if changes:
                self._before_change(control)
            yield
        finally:
            if changes:
                # What it has changed shows now, and not as a person's edit.
                _bring_up_to_date()
                self._changed = self._changed or not self._watches
            self._jobs.remove(control)

    def before_load(self) -> None:
        """Keep what is open before code loads another file."""
        if self._jobs and self._enabled and self._changed and not _is_on_disk():
            # However soon: what is open would be gone.
            self._rests_until = 0.0
            self._keep(self._jobs[-1], f"Before {_who(self._jobs[-1])} loaded another file")

    def _before_change(self, control: JobControl) -> None:
        client = control.job.origin.key or control.job.from_uuid
        if not self._enabled or self._provided.get(client, 0) >= self._edits:
            return
        edits = self._edits
        if self._keep(control, f"Before {_who(control)} changed this"):
            self._provided[client] = edits
            self._provided.move_to_end(client)
            while len(self._provided) > MAX_CLIENTS:
                self._provided.popitem(last=False)

    def _keep(self, control: JobControl, label: str) -> bool:
        """Make a checkpoint unless the last one holds the same; tell the job's caller. False if it has to wait."""
        known = self.last
        if not self._changed and known is not None and known in store.all():
            _tell(control, known)
            return True
        began = self._clock()
        if began < self._rests_until:
            return False
        try:
            self.last = store.make(label[:MAX_LABEL], control.job.origin.words, automatic=True)
            self._changed = False
            _tell(control, self.last)
        except CannotKeep as error:
            # The job is not to blame.
            control.extra["checkpoint"] = {"error": str(error)}
        ended = self._clock()
        self._rests_until = ended + REST * (ended - began)
        return True


def _tell(control: JobControl, made: Checkpoint) -> None:
    control.extra["checkpoint"] = {"checkpoint_id": made.checkpoint_id, "label": made.label, "at": made.at}


def _who(control: JobControl) -> str:
    return control.job.origin.words


def _is_on_disk() -> bool:
    """Tell whether the open file is as it was saved. Without a window Blender does not know."""
    return not bpy.app.background and bool(bpy.data.filepath) and not bpy.data.is_dirty


def _bring_up_to_date() -> None:
    layer = getattr(bpy.context, "view_layer", None)
    if layer is not None:
        with contextlib.suppress(RuntimeError):
            layer.update()


keeper = Keeper()


def _is_edit(updates: Any) -> bool:
    """Tell edits from selecting, which updates a scene and nothing in it, and from dialogs, which update nothing."""
    for update in updates:
        if update.is_updated_geometry or update.is_updated_transform or update.is_updated_shading:
            return True
        if not isinstance(update.id, bpy.types.Scene):
            return True
    return False


@persistent  # type: ignore[untyped-decorator]
def _updated(scene: Any, depsgraph: Any) -> None:
    keeper.updated(depsgraph.updates)


@persistent  # type: ignore[untyped-decorator]
def _stepped(*_: object) -> None:
    keeper.edited()


@persistent  # type: ignore[untyped-decorator]
def _loaded(*_: object) -> None:
    keeper.loaded()


_HANDLERS = {"depsgraph_update_post": _updated, "undo_post": _stepped, "redo_post": _stepped, "load_post": _loaded}
