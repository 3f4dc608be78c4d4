"""What a job did to the file: a fingerprint before and after, and what Blender itself says was changed in between."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from typing import Any

import bpy

# What people look for in an answer; of each, at most so many names.
WINDOW = 20
MAX_OBJECTS = 20_000
MAX_TOLD = 5_000
# Blender's own: brushes, screens and the like come and go without anybody having asked for it.
_SILENT = {"brushes", "screens", "workspaces", "window_managers", "libraries", "paint_curves", "palettes", "fonts"}
_MATRIX = 16


@dataclass(slots=True)
class Fingerprint:
    """What is in the file, by collection: `names` of all by their session's number, and where objects are."""

    names: dict[str, dict[int, str]] = field(default_factory=dict)
    matrices: array[float] = field(default_factory=lambda: array("f"))
    frame: int = 0
    mode: str = ""
    active: str | None = None
    selected: tuple[str, ...] = ()
    file: str = ""


def fingerprint() -> Fingerprint | None:
    """Return what is there now; None for files that are too large for that."""
    if len(bpy.data.objects) > MAX_OBJECTS:
        return None
    seen = Fingerprint(file=bpy.data.filepath)
    for kind in _kinds():
        seen.names[kind] = _names(getattr(bpy.data, kind))
    objects = bpy.data.objects
    seen.matrices = array("f", bytes(4 * _MATRIX * len(objects)))
    if len(objects):
        objects.foreach_get("matrix_basis", seen.matrices)
    scene, layer = bpy.context.scene, bpy.context.view_layer
    seen.frame, seen.mode = scene.frame_current, bpy.context.mode
    active = layer.objects.active
    seen.active = None if active is None else active.name
    seen.selected = tuple(item.name for item in layer.objects.selected)
    return seen


def _kinds() -> list[str]:
    return [
        prop.identifier
        for prop in bpy.data.bl_rna.properties
        if prop.type == "COLLECTION" and prop.identifier not in _SILENT
    ]


def _names(items: Any) -> dict[int, str]:
    numbers = array("i", bytes(4 * len(items)))
    if len(items):
        items.foreach_get("session_uid", numbers)
    return dict(zip(numbers, items.keys(), strict=False))


class Watcher:
    """Notes which data Blender evaluates anew while a job runs, from `start` to `stop`."""

    def __init__(self) -> None:
        self.changed: dict[tuple[str, str], None] = {}

    def start(self) -> None:
        """Begin to listen."""
        bpy.app.handlers.depsgraph_update_post.append(self._updated)

    def stop(self) -> None:
        """Bring the scene up to date, so that nothing is missed, and listen no longer."""
        try:
            bpy.context.view_layer.update()
        finally:
            if self._updated in bpy.app.handlers.depsgraph_update_post:
                bpy.app.handlers.depsgraph_update_post.remove(self._updated)

    def _updated(self, scene: Any, depsgraph: Any) -> None:
        for update in depsgraph.updates:
            if len(self.changed) >= MAX_TOLD:
                return
            if update.is_updated_geometry or update.is_updated_shading:
                data = update.id
                self.changed[type(data).__name__, data.name] = None


def differences(before: Fingerprint, after: Fingerprint, changed: dict[tuple[str, str], None]) -> dict[str, Any]:
    """Return what was added, removed, renamed, moved and changed, at most WINDOW of each, and where things stand."""
    rows: dict[str, list[dict[str, str]]] = {"added": [], "removed": [], "renamed": [], "moved": [], "changed": []}
    for kind, now in after.names.items():
        then = before.names.get(kind, {})
        word = _word(bpy.data.bl_rna.properties[kind].fixed_type.identifier)
        rows["added"] += [{"type": word, "name": now[number]} for number in now.keys() - then.keys()]
        rows["removed"] += [{"type": word, "name": then[number]} for number in then.keys() - now.keys()]
        rows["renamed"] += [
            {"type": word, "name": now[number], "from": then[number]}
            for number in now.keys() & then.keys()
            if now[number] != then[number]
        ]
    rows["moved"] = [{"type": "object", "name": name} for name in _moved(before, after)]
    new = {(row["type"], row["name"]) for row in rows["added"]}
    rows["changed"] = [{"type": _word(kind), "name": name} for kind, name in changed if _counts(kind, name, new)]
    found: dict[str, Any] = {}
    for what, entries in rows.items():
        if entries:
            found[what] = sorted(entries, key=lambda row: (row["type"] != "object", row["type"], row["name"]))[:WINDOW]
        if len(entries) > WINDOW:
            found.setdefault("more", {})[what] = len(entries) - WINDOW
    if before.file != after.file:
        found["file"] = after.file
    found |= {"mode": after.mode, "frame": after.frame, "active": after.active}
    found["selected"] = list(after.selected[:WINDOW])
    found["summary"] = _summary(found, before, after)
    return found


def is_changed(found: dict[str, Any], before: Fingerprint, after: Fingerprint) -> bool:
    """Tell whether there is anything to take back."""
    told = any(found.get(what) for what in ("added", "removed", "renamed", "moved", "changed"))
    state = ("frame", "mode", "active", "selected")
    return told or any(getattr(before, name) != getattr(after, name) for name in state)


def _moved(before: Fingerprint, after: Fingerprint) -> list[str]:
    then, now = before.names.get("objects", {}), after.names.get("objects", {})
    if before.matrices == after.matrices and list(then) == list(now):
        return []
    places = {number: at for at, number in enumerate(then)}
    moved = []
    for at, (number, name) in enumerate(now.items()):
        old = places.get(number)
        if old is not None and _row(before.matrices, old) != _row(after.matrices, at):
            moved.append(name)
    return moved


def _row(matrices: array[float], at: int) -> array[float]:
    return matrices[at * _MATRIX : (at + 1) * _MATRIX]


def _counts(kind: str, name: str, new: set[tuple[str, str]]) -> bool:
    # What is new has been told, and a scene is evaluated with whatever is in it.
    is_told = (_word(kind), name) in new
    return not is_told and kind not in ("Scene", "Collection", "WindowManager", "Screen", "WorkSpace")


def _word(kind: str) -> str:
    for end, word in (("NodeTree", "node tree"), ("Light", "light")):
        if kind.endswith(end):
            return word
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()


def _summary(found: dict[str, Any], before: Fingerprint, after: Fingerprint) -> str:
    parts = []
    for what in ("added", "removed", "renamed", "moved", "changed"):
        entries = found.get(what, [])
        if entries:
            names = ", ".join(f"{row['name']} ({row['type']})" for row in entries[:3])
            rest = len(entries) - 3 + found.get("more", {}).get(what, 0)
            parts.append(f"{what} {names}" + (f" and {rest} more" if rest > 0 else ""))
    if "file" in found:
        parts.append("another file is open")
    if before.mode != after.mode:
        parts.append(f"mode {before.mode} -> {after.mode}")
    if before.frame != after.frame:
        parts.append(f"frame {before.frame} -> {after.frame}")
    if before.active != after.active or before.selected != after.selected:
        parts.append(f"selection: {', '.join(after.selected[:3]) or 'nothing'}, active {after.active or 'none'}")
    return "; ".join(parts) or "nothing changed"
