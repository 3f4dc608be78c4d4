"""Objects as rows of a tree, in three details."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import bpy

from ..values import number, vector

# The most first.
DETAILS = ("full", "summary", "names")
# Of each list in a row: modifiers, materials, constraints.
MAX_LISTED = 20
MAX_ALIKE = 10


@dataclass(frozen=True, slots=True)
class Mark:
    """What rows are marked by: the layers of collections, and the active object."""

    layers: dict[Any, Any]
    active: Any

    @staticmethod
    def now() -> Mark:
        """Return those of the current view layer."""
        layer = bpy.context.view_layer
        found: dict[Any, Any] = {}
        waiting = [layer.layer_collection]
        while waiting:
            item = waiting.pop()
            found.setdefault(item.collection, item)
            waiting += item.children
        return Mark(found, layer.objects.active)


def alike(name: str, known: Iterable[str]) -> str:
    """Return names that are like one that does not exist, or else some of those that do; to be shown."""
    wanted = name.casefold()
    names = list(known)
    close = [item for item in names if wanted in item.casefold() or item.casefold() in wanted]
    return ", ".join((close or names)[:MAX_ALIKE]) or "none"


def is_linked(item: Any) -> bool:
    """Tell whether a datablock lives in another file."""
    return item.library is not None


def is_visible(item: Any) -> bool:
    """Tell whether an object is shown in the current view layer."""
    try:
        return bool(item.visible_get())
    except RuntimeError:
        # It is in no layer of this scene.
        return False


def names(item: Any, marks: Mark) -> dict[str, Any]:
    """Return the name and type of an object."""
    return {"name": item.name, "kind": "object", "type": item.type}


def summary(item: Any, marks: Mark) -> dict[str, Any]:
    """Return what an object is made of and how it stands in the scene; what it has not is left out."""
    row = {**names(item, marks), "visible": is_visible(item)}
    if item.parent is not None:
        row["parent"] = item.parent.name
    lists = {
        "modifiers": [modifier.type for modifier in item.modifiers[:MAX_LISTED]],
        "materials": [slot.material.name for slot in item.material_slots[:MAX_LISTED] if slot.material is not None],
        "constraints": [constraint.type for constraint in item.constraints[:MAX_LISTED]],
    }
    row.update({name: found for name, found in lists.items() if found})
    if item.instance_type == "COLLECTION" and item.instance_collection is not None:
        row["instance"] = item.instance_collection.name
    if is_linked(item):
        row["library"] = item.library.filepath
    elif item.override_library is not None:
        row["override"] = True
    if _selected(item):
        row["selected"] = True
    if item == marks.active:
        row["active"] = True
    if item.mode != "OBJECT":
        row["mode"] = item.mode
    return row


def full(item: Any, marks: Mark) -> dict[str, Any]:
    """Return the summary with transform, size, data, and modifiers and constraints by name."""
    row = summary(item, marks)
    row["location"] = vector(item.matrix_world.translation)
    row["rotation"] = vector(item.matrix_world.to_euler())
    row["scale"] = vector(item.scale)
    row["dimensions"] = vector(item.dimensions)
    if item.data is not None:
        row["data"] = item.data.name
        row["data_users"] = item.data.users
    if item.type == "MESH":
        mesh = item.data
        row["mesh"] = {"vertices": len(mesh.vertices), "edges": len(mesh.edges), "polygons": len(mesh.polygons)}
    if item.modifiers:
        row["modifiers"] = [
            {"name": modifier.name, "type": modifier.type, "shown": modifier.show_viewport}
            for modifier in item.modifiers[:MAX_LISTED]
        ]
    if item.constraints:
        row["constraints"] = [_constraint(constraint) for constraint in item.constraints[:MAX_LISTED]]
    for flag in ("hide_viewport", "hide_render", "hide_select"):
        if getattr(item, flag):
            row[flag] = True
    if item.animation_data is not None:
        row["animation"] = _animation(item.animation_data)
    if item.parent is not None and item.parent_type != "OBJECT":
        row["parent_type"] = item.parent_type
    return row


def _selected(item: Any) -> bool:
    try:
        return bool(item.select_get())
    except RuntimeError:
        return False


def _constraint(constraint: Any) -> dict[str, Any]:
    row = {"name": constraint.name, "type": constraint.type, "influence": number(constraint.influence)}
    target = getattr(constraint, "target", None)
    if target is not None:
        row["target"] = target.name
    if not constraint.is_valid:
        row["valid"] = False
    return row


def _animation(data: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if data.action is not None:
        found["action"] = data.action.name
    drivers = list(data.drivers)
    if drivers:
        found["drivers"] = len(drivers)
        broken = [f"{curve.data_path}[{curve.array_index}]" for curve in drivers if not curve.driver.is_valid]
        if broken:
            found["broken_drivers"] = broken[:MAX_LISTED]
    if data.nla_tracks:
        found["nla_tracks"] = len(data.nla_tracks)
    return found


DESCRIBE: dict[str, Callable[[Any, Mark], dict[str, Any]]] = {"names": names, "summary": summary, "full": full}
