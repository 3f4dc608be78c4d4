"""How objects stand to each other: how far apart, touching, through each other, one on top of the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from mathutils import Vector

from ...values import number
from .form import Form

# Closer than this (metres) is touching.
TOUCH = 0.0005
MAX_PROBES = 600
_STEPS = 24
_DOWN = Vector((0.0, 0.0, -1.0))


def gap(first: Form, second: Form) -> float:
    """Return the distance between two boxes, 0 where they meet."""
    apart = np.maximum(first.low - second.high, second.low - first.high)
    return float(np.linalg.norm(np.maximum(apart, 0.0)))


def shared(first: Form, second: Form) -> list[float]:
    """Return how far two boxes reach into each other along x, y and z; negative is apart."""
    return [float(v) for v in np.minimum(first.high, second.high) - np.maximum(first.low, second.low)]


def relation(first: Form, second: Form) -> dict[str, Any]:
    """Return the row of a pair: `relation` is apart, touching, overlapping or inside."""
    row: dict[str, Any] = {"a": first.name, "b": second.name}
    reach = shared(first, second)
    if min(reach) > TOUCH:
        crossing = first.tree().overlap(second.tree())
        inside = None if crossing else _inside(first, second)
        if crossing or inside:
            row |= {"relation": "overlapping" if crossing else "inside", "distance": 0.0}
            row["overlap_box"] = [number(value) for value in reach]
            if inside:
                row["inside"], row["around"] = inside
            return _exactness(row, first, second)
    distance = _distance(first, second)
    row["relation"] = "touching" if distance <= TOUCH else "apart"
    row["distance"] = number(distance)
    return _exactness(row, first, second)


def _exactness(row: dict[str, Any], first: Form, second: Form) -> dict[str, Any]:
    coarse = [form.name for form in (first, second) if not form.is_exact]
    return {**row, "by_box": coarse} if coarse else row


def _inside(first: Form, second: Form) -> tuple[str, str] | None:
    for inner, outer in ((first, second), (second, first)):
        if _is_within(inner, outer) and _crossings(outer, Vector(inner.points[0])) % 2:
            return inner.name, outer.name
    return None


def _crossings(form: Form, point: Vector) -> int:
    """Return how often a ray from a point goes through a surface: odd is inside."""
    # Not along an axis, where it would run along edges.
    direction = Vector((0.3217, 0.2113, 0.9231)).normalized()
    count = 0
    while count < 200:
        hit, _, _, _ = form.tree().ray_cast(point, direction)
        if hit is None:
            return count
        count += 1
        point = hit + direction * 1e-5
    return count


def _distance(first: Form, second: Form) -> float:
    """Return the distance of two surfaces: from points of either to the other, then to and fro to the nearest place."""
    best, place = float("inf"), None
    for near, far in ((first, second), (second, first)):
        tree = far.tree()
        # Those that are nearest to the other's box come first.
        outside = np.maximum(np.maximum(far.low - near.probes(20_000), near.probes(20_000) - far.high), 0.0)
        order = np.argsort((outside**2).sum(axis=1), kind="stable")[:MAX_PROBES]
        for point in near.probes(20_000)[order]:
            found, _, _, distance = tree.find_nearest(Vector(point))
            if found is not None and distance < best:
                best, place = distance, (found, near, far)
    if place is None:
        return gap(first, second)
    point, near, far = place
    for _ in range(_STEPS):
        found, _, _, distance = near.tree().find_nearest(point)
        if found is None or distance >= best - 1e-9:
            break
        best, point, near, far = distance, found, far, near
    return float(best)


def support(form: Form, others: list[Form]) -> dict[str, Any]:
    """Return what an object stands on: the nearest surface below its lowest points, and the gap to it (metres)."""
    floor = float(form.low[2])
    height = float(form.high[2]) - floor
    lowest = form.points[form.points[:, 2] <= floor + max(TOUCH, height * 0.01)]
    feet = lowest[:: max(1, len(lowest) // 24)][:24]
    # From a little above, to see what it is sunk into; from its middle at least, if it is flat.
    lift = min(height * 0.25, 0.25) + TOUCH
    row: dict[str, Any] = {"lowest_z": number(floor), "stands_on": None}
    best: dict[str, float] = {}
    below = [other for other in others if other is not form and _is_under(form, other)]
    middle = (form.low + form.high) / 2
    for foot in feet:
        # Not quite at the rim, which often is in line with the rim of another.
        x, y = foot[:2] + (middle[:2] - foot[:2]) * 0.001
        start = Vector((x, y, foot[2] + lift))
        for other in below:
            _, normal, _, distance = other.tree().ray_cast(start, _DOWN)
            if distance is not None and not (normal.z < 0.0 and _reaches_into(form, other, start)):
                best[other.name] = min(best.get(other.name, float("inf")), distance - lift)
    if best:
        name = min(best, key=lambda other: abs(best[other]))
        row["gap"] = number(best[name])
        row["below" if best[name] > TOUCH else "stands_on"] = name
        if best[name] < -TOUCH:
            row["sunk_in"] = number(-best[name])
    elif abs(floor) <= TOUCH:
        row["stands_on"], row["gap"] = "z = 0", 0.0
    return row


def _reaches_into(form: Form, other: Form, point: Vector) -> bool:
    """Tell whether a point of an object is inside another that does not hold all of it, as a room does."""
    return not _is_within(form, other) and bool(_crossings(other, point) % 2)


def _is_within(inner: Form, outer: Form) -> bool:
    return bool((inner.low >= outer.low - TOUCH).all() and (inner.high <= outer.high + TOUCH).all())


def _is_under(form: Form, other: Form) -> bool:
    reach = shared(form, other)
    return reach[0] > -TOUCH and reach[1] > -TOUCH and float(other.low[2]) <= float(form.low[2]) + TOUCH
