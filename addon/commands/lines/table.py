"""The commands of servers that frame by lines, by their names."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import bpy

from ...link.queue.control import JobControl
from ..allowed.policy import EffectOf, change_effect, code_effect, read_effect
from ..registry import Command, described
from ..running.observed import push_step
from . import files, scene

Handler = Callable[..., Any]
READS: dict[str, Handler] = {
    "scene.get_info": scene.get_info,
    "scene.list_objects": scene.list_objects,
    "object.get_transform": scene.get_transform,
    "object.get_hierarchy": scene.get_hierarchy,
    "material.list": scene.list_materials,
}
CHANGES: dict[str, Handler] = {
    "object.create_mesh": scene.create_mesh,
    "object.translate": scene.translate,
    "object.rotate": scene.rotate,
    "object.scale": scene.scale,
    "object.duplicate": scene.duplicate,
    "material.create": scene.create_material,
    "material.assign": scene.assign_material,
    "material.set_color": scene.set_color,
    "material.set_texture": scene.set_texture,
}
OTHERS: dict[str, tuple[Handler, EffectOf]] = {
    # What a person has made goes away, as code could do it.
    "object.delete": (scene.delete, code_effect),
    "history.undo": (files.undo, code_effect),
    "history.redo": (files.redo, code_effect),
    "render.still": (files.render_still, files.writing(*files.FORMATS)),
    "render.animation": (files.render_animation, files.animation_effect),
    "export.gltf": (files.export_gltf, files.writing(*files.GLTF)),
    "export.obj": (files.export_obj, files.writing(*files.OBJ)),
    "export.fbx": (files.export_fbx, files.writing(*files.FBX)),
}
STEPS = frozenset([*CHANGES, "object.delete"])


@functools.cache
def commands() -> dict[str, Command]:
    """The table: each is checked and refused by the policy as the commands of the bus are."""
    table: dict[str, tuple[Handler, EffectOf]] = {name: (handler, read_effect) for name, handler in READS.items()}
    table |= {name: (handler, change_effect) for name, handler in CHANGES.items()} | OTHERS
    return {name: _described(name, *row) for name, row in table.items()}


def _described(name: str, handler: Handler, effect: EffectOf) -> Command:
    entry = described(name, handler, effect, None)
    if name not in STEPS:
        return entry

    def stepping(control: JobControl, **arguments: Any) -> Any:
        result = handler(control, **arguments)
        if not bpy.app.background:
            push_step(f"{control.job.origin.words}: {name}"[:60])
        return result

    return Command(name, stepping, entry.parameters, effect)
