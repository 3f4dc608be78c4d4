"""The form of one object in the world: its points, its triangles, its box, in metres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from mathutils.bvhtree import BVHTree

# More triangles than these are too slow to compare exactly; such objects stand for their box.
MAX_TRIANGLES = 60_000
GEOMETRY = frozenset({"MESH", "CURVE", "SURFACE", "FONT", "META"})


@dataclass(slots=True, eq=False)
class Form:
    """What an object looks like, its modifiers included. Without points it has no size, or no finite one."""

    name: str
    points: Any
    triangles: Any
    problem: str = ""
    faces: int = 0
    _tree: Any = None

    @property
    def low(self) -> Any:
        """Return the lowest corner of its box."""
        return self.points.min(axis=0)

    @property
    def high(self) -> Any:
        """Return the highest corner of its box."""
        return self.points.max(axis=0)

    @property
    def has_size(self) -> bool:
        """Tell whether it has points at all."""
        return len(self.points) > 0

    @property
    def is_exact(self) -> bool:
        """Tell whether its surface is compared, not its box."""
        return 0 < len(self.triangles) <= MAX_TRIANGLES

    def tree(self) -> Any:
        """Return its surface as a tree to search in; of the box, if it has none or one with too many triangles."""
        if self._tree is None:
            points, triangles = (self.points, self.triangles) if self.is_exact else _box(self.low, self.high)
            self._tree = BVHTree.FromPolygons(points.tolist(), triangles.tolist(), all_triangles=True)
        return self._tree

    def probes(self, most: int) -> Any:
        """Return some of its points, spread over all of them."""
        points = self.points if self.is_exact else _box(self.low, self.high)[0]
        step = max(1, len(points) // most)
        return points[::step]


def form_of(item: Any, depsgraph: Any, scale: float) -> Form:
    """Return the form of an object; `scale` are the metres of one unit."""
    matrix = np.array(item.matrix_world, dtype=np.float64)
    none = np.empty((0, 3))
    if not np.isfinite(matrix).all():
        return Form(item.name, none, none, "its transform is not finite")
    if item.type not in GEOMETRY:
        return Form(item.name, none, none, f"{item.type.lower()} objects have no size")
    evaluated = item.evaluated_get(depsgraph)
    # Of a mesh it is there already; copying one of millions of vertices takes seconds.
    is_there = item.type == "MESH" and item.mode != "EDIT"  # in edit mode it is empty
    mesh = evaluated.data if is_there else evaluated.to_mesh()
    try:
        if mesh is None or not len(mesh.vertices):
            return Form(item.name, none, none, "it has no vertices")
        flat = np.empty(len(mesh.vertices) * 3, dtype=np.float32)
        mesh.vertices.foreach_get("co", flat)
        points = flat.reshape(-1, 3).astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
        triangles = _triangles(mesh)
        faces = len(mesh.polygons)
    finally:
        if not is_there:
            evaluated.to_mesh_clear()
    finite: Any = np.isfinite(points).all(axis=1)
    problem = ""
    if not finite.all():
        problem = f"{int((~finite).sum())} vertices are not finite"
        if not finite.any():
            return Form(item.name, none, none, problem)
        points = np.where(finite[:, None], points, points[finite][0])
        triangles = triangles[finite[triangles].all(axis=1)]
    return Form(item.name, points * scale, triangles, problem, faces)


def _triangles(mesh: Any) -> Any:
    """Return the triangles of a mesh as numbers of vertices; none if there are too many to compare."""
    if not 0 < len(mesh.loops) - 2 * len(mesh.polygons) <= MAX_TRIANGLES:
        return np.empty((0, 3), dtype=np.int32)
    mesh.calc_loop_triangles()
    corners = np.empty(len(mesh.loop_triangles) * 3, dtype=np.int32)
    mesh.loop_triangles.foreach_get("vertices", corners)
    return corners.reshape(-1, 3)


def _box(low: Any, high: Any) -> tuple[Any, Any]:
    corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
    sides = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return corners, np.array([triangle for a, b, c, d in sides for triangle in ((a, b, c), (a, c, d))])


def scene_scale() -> float:
    """Return how many metres one unit of the scene is."""
    return float(bpy.context.scene.unit_settings.scale_length) or 1.0
