"""Where to look from: named sides, fitted to what is to be seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import bpy
from mathutils import Euler, Matrix, Vector

from ...registry import CommandError
from ..objects import alike, is_visible

ANGLES = {
    "persp": (1.1, 0.0, 0.8),
    "front": (math.pi / 2, 0.0, 0.0),
    "back": (math.pi / 2, 0.0, math.pi),
    "left": (math.pi / 2, 0.0, -math.pi / 2),
    "right": (math.pi / 2, 0.0, math.pi / 2),
    "top": (0.0, 0.0, 0.0),
    "bottom": (math.pi, 0.0, 0.0),
}
CAMERA = "camera"
SENSOR, LENS = 36.0, 50.0
MARGIN = 1.25
_UNSEEN = frozenset({"CAMERA", "LIGHT", "LIGHT_PROBE", "SPEAKER", "EMPTY", "ARMATURE", "LATTICE"})


@dataclass(frozen=True, slots=True)
class Bounds:
    """The box around what is to be seen, in units of the scene."""

    low: Vector
    high: Vector

    @property
    def center(self) -> Vector:
        """Return its middle."""
        return (self.low + self.high) / 2

    @property
    def radius(self) -> float:
        """Return how far its corners are from its middle, at least a little."""
        return max(float((self.high - self.low).length) / 2, 1e-4)

    @property
    def corners(self) -> list[Vector]:
        """Return its eight corners."""
        sides = [(self.low[axis], self.high[axis]) for axis in range(3)]
        return [Vector((x, y, z)) for x in sides[0] for y in sides[1] for z in sides[2]]


@dataclass(frozen=True, slots=True)
class Shot:
    """A view: where the eye is, and what it takes in. `unit` is how much one pixel shows where the target is."""

    angle: str
    matrix: Matrix
    is_ortho: bool
    ortho_scale: float
    clip_end: float
    clip_start: float
    unit: float


def bounds_of(command: str, target: str) -> Bounds:
    """Return what `target` takes up. Raises CommandError if there is no such object, or nothing to see."""
    layer = bpy.context.view_layer
    layer.update()
    shown = [item for item in layer.objects if is_visible(item)]
    if target == "all":
        items = [item for item in shown if item.type not in _UNSEEN or item.instance_type == "COLLECTION"] or shown
        # Nothing at all: what a new file shows.
        if not items:
            return Bounds(Vector((-1, -1, -1)), Vector((1, 1, 1)))
    elif target == "selected":
        items = list(layer.objects.selected)
        if not items:
            raise CommandError(f"{command}: nothing is selected; target may be all, or an object's name")
    else:
        items = [named(command, target, shown)]
    found = [
        point
        for item in items
        for point in (item.matrix_world @ Vector(corner) for corner in item.bound_box)
        if all(math.isfinite(value) and abs(value) < 1e12 for value in point)
    ]
    if not found:
        raise CommandError(f"{command}: {target!r} has no finite place to look at")
    low, high = (Vector([pick(point[axis] for point in found) for axis in range(3)]) for pick in (min, max))
    return Bounds(low, high)


def named(command: str, name: str, shown: list[Any]) -> Any:
    """Return the object of a name in the view layer. Raises CommandError."""
    item = bpy.context.view_layer.objects.get(name)
    if item is not None:
        return item
    told = f"target may be all, selected or: {alike(name, (other.name for other in shown))}"
    raise CommandError(f"{command}: there is no object {name[:100]!r} to look at; {told}")


def shot(angle: str, bounds: Bounds, width: int, height: int) -> Shot:
    """Return the view of a named side that shows all of `bounds` in a picture of this size."""
    turn = Euler(ANGLES[angle]).to_matrix()
    inward = turn.transposed()
    around = [inward @ (corner - bounds.center) for corner in bounds.corners]
    longest = max(width, height)
    half_x, half_y = max(abs(p.x) for p in around), max(abs(p.y) for p in around)
    if angle == "persp":
        # How far the picture reaches to a side, at a distance of 1.
        reach_x, reach_y = (SENSOR / 2 / LENS * side / longest / MARGIN for side in (width, height))
        away = max(max(abs(p.x) / reach_x, abs(p.y) / reach_y) + p.z for p in around)
        away = max(away, bounds.radius * 1.01, 1e-3)
        unit = away * SENSOR / LENS / longest
        scale = 0.0
    else:
        scale = max(half_x * 2 * longest / width, half_y * 2 * longest / height, 1e-4) * MARGIN
        away = bounds.radius * 3 + scale
        unit = scale / longest
    matrix = Matrix.Translation(bounds.center + turn @ Vector((0.0, 0.0, away))) @ turn.to_4x4()
    near = max(1e-4, (away - bounds.radius * 1.5) * 0.05)
    return Shot(angle, matrix, angle != "persp", scale, away + bounds.radius * 20 + 1000.0, near, unit)
