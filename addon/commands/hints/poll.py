"""Operators that refuse: what they want, and what is there."""

from __future__ import annotations

import re
from typing import Any

import bpy

from ..place import largest_viewport

_REFUSED = re.compile(r"bpy\.ops\.(\w+)\.(\w+)\.poll\(\) (.*)", re.DOTALL)
_WANTS_MODE = re.compile(r"^(mesh|curve|armature|lattice|mball|font|curves)$")
SHOWN = 5


def what_is_there(raised: BaseException) -> list[str]:
    """Return lines on the mode, the objects and the area that a refused operator has found."""
    refused = _REFUSED.search(str(raised)) if isinstance(raised, RuntimeError) else None
    if refused is None:
        return []
    family, name, reason = refused.groups()
    return [f"it found {_state()}", *_wanted(family, name, reason)]


def _state() -> str:
    context = bpy.context
    layer = context.view_layer
    active = layer.objects.active if layer is not None else None
    selected = [item.name for item in layer.objects.selected] if layer is not None else []
    names = ", ".join(selected[:SHOWN]) + (", ..." if len(selected) > SHOWN else "")
    about = "no active object" if active is None else f"active object {active.name!r} ({active.type})"
    area = context.area.type if context.area is not None else "none"
    return f"mode {context.mode}, {about}, {len(selected)} selected{f' ({names})' if names else ''}, area {area}"


def _wanted(family: str, name: str, reason: str) -> list[str]:
    active = bpy.context.view_layer.objects.active
    told = []
    if largest_viewport() is None and (family == "view3d" or "view3d" in reason):
        told.append("it wants a 3D viewport, and this Blender has no 3D viewport open")
    elif active is None and family in ("object", "mesh", "transform", "pose", "constraint"):
        told.append("it wants an active object: bpy.context.view_layer.objects.active = bpy.data.objects[...]")
    elif _WANTS_MODE.match(family) and bpy.context.mode == "OBJECT":
        told.append(f"most of bpy.ops.{family} want Edit mode: bpy.ops.object.mode_set(mode='EDIT')")
    elif family == "object" and bpy.context.mode != "OBJECT":
        told.append("most of bpy.ops.object want Object mode: bpy.ops.object.mode_set(mode='OBJECT')")
    elif family in ("pose", "sculpt", "paint"):
        told.append(f"it wants the mode that its name tells: bpy.ops.object.mode_set(mode={_mode(family)!r})")
    elif family in _AREAS:
        told.append(_in_area(_AREAS[family]))
    return told


_AREAS = {"node": "NODE_EDITOR", "image": "IMAGE_EDITOR", "graph": "GRAPH_EDITOR", "nla": "NLA_EDITOR"} | {
    "sequencer": "SEQUENCE_EDITOR",
    "text": "TEXT_EDITOR",
    "clip": "CLIP_EDITOR",
    "action": "DOPESHEET_EDITOR",
    "outliner": "OUTLINER",
    "console": "CONSOLE",
    "file": "FILE_BROWSER",
}


def _mode(family: str) -> str:
    return {"pose": "POSE", "sculpt": "SCULPT"}.get(family, "VERTEX_PAINT")


def _in_area(kind: str) -> str:
    shown: Any = any(area.type == kind for window in bpy.context.window_manager.windows for area in window.screen.areas)
    if shown:
        return f"it wants the area {kind}: with bpy.context.temp_override(window=..., area=..., region=...)"
    return f"it wants the area {kind}, and none is open; bpy.data does most of it without an operator"
