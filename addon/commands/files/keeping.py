"""What export and import leave as it was: mode, selection, frames; and what a failed import has brought."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import bpy

from ..compat import object_mode, operator_context
from ..running.modes import users_mode

_TIMES = ("frame_start", "frame_end", "frame_current")
# What bpy.data lists besides data-blocks of a file.
_NOT_OF_THE_FILE = ("screens", "window_managers", "workspaces")


@contextlib.contextmanager
def as_it_was(*, times: bool = False) -> Iterator[None]:
    """Do something in object mode; then mode, selection and active object are as before, and with `times` the frames.

    An import in a person's edit mode would go into the mesh that is edited.
    """
    scene, layer = bpy.context.scene, bpy.context.view_layer
    selected, active = [item.name for item in layer.objects.selected], layer.objects.active
    active_name = None if active is None else active.name
    frames = {name: getattr(scene, name) for name in _TIMES}
    rate = scene.render.fps, scene.render.fps_base
    with users_mode(""), operator_context():
        object_mode()
        try:
            yield
        finally:
            if times:
                scene.render.fps, scene.render.fps_base = rate
                for name, value in frames.items():
                    if getattr(scene, name) != value:
                        setattr(scene, name, value)
            select(layer, selected, active_name)


def select(layer: Any, names: list[str], active: str | None) -> None:
    """Select these objects and no others."""
    wanted = set(names)
    for item in layer.objects:
        if item.select_get(view_layer=layer) != (item.name in wanted):
            item.select_set(item.name in wanted, view_layer=layer)
    layer.objects.active = layer.objects.get(active) if active is not None else None


class Added:
    """The data-blocks that come into the file from now on."""

    def __init__(self) -> None:
        self._before = {name: set(items) for name, items in _collections()}

    def of(self, name: str) -> list[Any]:
        """Return the new ones of a collection of bpy.data, such as "images"."""
        before = self._before.get(name, set())
        return [item for item in getattr(bpy.data, name) if item not in before]

    def all(self) -> Iterator[tuple[str, Any]]:
        """Yield all new ones with the names of their collections."""
        for name, _ in _collections():
            for item in self.of(name):
                yield name, item

    def take_back(self) -> None:
        """Remove all new ones."""
        with contextlib.suppress(RuntimeError, ReferenceError, TypeError):
            # Objects first: in one go with what they use, Blender 5.0 has followed pointers to what was gone.
            bpy.data.batch_remove(self.of("objects"))
            bpy.data.batch_remove([item for _, item in self.all()])


def _collections() -> Iterator[tuple[str, Any]]:
    for prop in bpy.data.bl_rna.properties:
        if prop.type == "COLLECTION" and prop.identifier not in _NOT_OF_THE_FILE:
            yield prop.identifier, getattr(bpy.data, prop.identifier)
