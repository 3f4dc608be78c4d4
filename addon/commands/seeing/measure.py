"""measure: facts to check a claim about the scene with, lengths in metres."""

from __future__ import annotations

import functools
import itertools
import time
from typing import Any

import bpy
from mathutils import Vector

from ...link.queue.control import JobControl
from ..background import Steps, off_main
from ..registry import CommandError, command
from ..values import vector
from .facts import camera as cameras
from .facts.form import Form, form_of, scene_scale
from .facts.mesh import mesh_facts, read
from .facts.pairs import TOUCH, gap, relation, support
from .objects import alike, is_visible

CHECKS = ("size", "distance", "overlap", "support", "camera", "mesh")
# More than these are not measured unless they are named.
MAX_OBJECTS = 60
MAX_NAMED = 200
MAX_PAIRS = 120
# Meshes with more vertices are looked at on a thread of their own, while others use Blender.
MAX_AT_ONCE = 100_000
# Meshes that are not begun after so many seconds are left out.
BUDGET_SECONDS = 20.0


@command("measure")
def measure(
    control: JobControl, *, names: list[str] | None = None, checks: list[str] | None = None
) -> Steps[dict[str, Any]]:
    """Return facts of each object in `objects`, of pairs in `pairs`, and of the camera in `camera`.

    Of many objects, pairs are those that are nearest to each other. Raises CommandError for unknown names and checks.
    """
    wanted, began = _checks(checks or []), time.monotonic()
    # First: removed objects leave gaps in the layer until it is updated.
    depsgraph = cameras.depsgraph_of_now()
    items, left_out = _objects(names or [])
    scale = scene_scale()
    rows: dict[str, dict[str, Any]] = {item.name: {"type": item.type} for item in items}
    answer: dict[str, Any] = {"objects": rows, "pairs": []}
    notes = []
    if left_out:
        notes.append(f"{left_out} more visible objects were not measured; name those that you want to know of")
    heavy = "camera" in wanted and cameras.faces(depsgraph) > cameras.MAX_FACES
    if heavy or wanted - {"camera", "mesh"}:
        forms = _forms(control, items, depsgraph, scale)
        for item, form in zip(items, forms, strict=True):
            if "size" in wanted:
                rows[item.name]["size"] = _size(form)
        solid = [form for form in forms if form.has_size]
        if wanted & {"distance", "overlap"}:
            answer["pairs"] = _pairs(control, solid, wanted, notes)
        if "support" in wanted:
            _support(control, solid, items, depsgraph, scale, rows)
    if heavy:
        answer["camera"], shown = cameras.frame(bpy.context.scene, forms, scale)
        for name, row in shown.items():
            rows[name]["camera"] = row
    elif "camera" in wanted:
        answer["camera"], seen = cameras.look(bpy.context.scene, depsgraph, scale)
        for item in items if "grid" in answer["camera"] else ():
            rows[item.name]["camera"] = cameras.told(seen.get(item.name), answer["camera"]["grid"], scale)
    if "mesh" in wanted:
        # Last: what takes a turn of its own may find another scene.
        yield from _meshes(control, [item.name for item in items if item.type == "MESH"], began, rows, notes)
    if notes:
        answer["note"] = ". ".join(notes)
    return answer


def _checks(asked: list[str]) -> set[str]:
    for check in asked:
        if check not in CHECKS:
            raise CommandError(f"measure: checks must be of {', '.join(CHECKS)}, got {str(check)[:100]!r}")
    return set(asked or CHECKS)


def _objects(names: list[str]) -> tuple[list[Any], int]:
    """Return the objects to measure, and how many were left out."""
    if not names:
        shown = [item for item in bpy.context.view_layer.objects if is_visible(item)]
        return shown[:MAX_OBJECTS], max(0, len(shown) - MAX_OBJECTS)
    if len(names) > MAX_NAMED:
        raise CommandError(f"measure: names must be at most {MAX_NAMED}, got {len(names)}")
    layer = bpy.context.view_layer.objects
    found = []
    for name in dict.fromkeys(str(name) for name in names):
        item = layer.get(name)
        if item is None:
            elsewhere = bpy.data.objects.get(name) is not None
            why = "is not in the current view layer" if elsewhere else "does not exist"
            told = alike(name, (other.name for other in layer))
            raise CommandError(f"measure: object {name[:100]!r} {why}; there are: {told}")
        found.append(item)
    return found, 0


def _forms(control: JobControl, items: list[Any], depsgraph: Any, scale: float) -> list[Form]:
    forms = []
    for item in items:
        forms.append(form_of(item, depsgraph, scale))
        control.check_cancelled()
    return forms


def _size(form: Form) -> dict[str, Any]:
    if not form.has_size:
        return {"problem": form.problem}
    row = {
        "dimensions": vector(form.high - form.low),
        "low": vector(form.low),
        "high": vector(form.high),
        "center": vector((form.high + form.low) / 2),
        "vertices_shown": len(form.points),
        "faces_shown": form.faces,
    }
    return {**row, "problem": form.problem} if form.problem else row


def _pairs(control: JobControl, forms: list[Form], wanted: set[str], notes: list[str]) -> list[dict[str, Any]]:
    pairs = sorted(((gap(a, b), n, a, b) for n, (a, b) in enumerate(itertools.combinations(forms, 2))))
    if "distance" not in wanted:
        pairs = [pair for pair in pairs if pair[0] <= TOUCH]
    if len(pairs) > MAX_PAIRS:
        notes.append(f"Of {len(pairs)} pairs the {MAX_PAIRS} whose boxes are nearest to each other are told")
    rows = []
    for _, _, first, second in pairs[:MAX_PAIRS]:
        row = relation(first, second)
        control.check_cancelled()
        if "distance" in wanted or row["relation"] != "apart":
            rows.append(row)
    return rows


def _meshes(control: JobControl, names: list[str], began: float, rows: dict[str, Any], notes: list[str]) -> Steps[None]:
    for done, name in enumerate(names):
        if time.monotonic() - began > BUDGET_SECONDS:
            left = len(names) - done
            notes.append(f"After {BUDGET_SECONDS:.0f} s the meshes of {left} objects were left out; name fewer objects")
            return
        item = bpy.context.view_layer.objects.get(name)
        if item is None or item.type != "MESH":
            rows[name]["mesh"] = {"problem": "it was removed while others were measured"}
            continue
        raw = read(item)
        if len(raw.points) > MAX_AT_ONCE:
            control.progress(100.0 * done / len(names), f"mesh of {name}")
            rows[name]["mesh"] = yield from off_main(control, functools.partial(mesh_facts, raw))
        else:
            rows[name]["mesh"] = mesh_facts(raw)
        control.check_cancelled()


def _support(
    control: JobControl, forms: list[Form], items: list[Any], depsgraph: Any, scale: float, rows: dict[str, Any]
) -> None:
    """Tell what each object stands on, be it named or not."""
    measured = set(items)
    low = [min(form.low[axis] for form in forms) for axis in range(3)] if forms else []
    high = [max(form.high[axis] for form in forms) for axis in range(3)] if forms else []
    around: list[Form] = []
    for item in bpy.context.view_layer.objects:
        if item in measured or not forms or len(around) >= MAX_NAMED or not is_visible(item):
            continue
        corners = [(item.matrix_world @ Vector(corner)) * scale for corner in item.bound_box]
        apart = any(
            min(c[axis] for c in corners) > high[axis] or max(c[axis] for c in corners) < low[axis] for axis in (0, 1)
        )
        if not apart:
            around.append(form_of(item, depsgraph, scale))
    others = forms + [form for form in around if form.has_size]
    for form in forms:
        rows[form.name]["support"] = support(form, others)
        control.check_cancelled()
