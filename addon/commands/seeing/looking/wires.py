"""Edges of meshes drawn into a picture: Workbench renders none."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ..facts.form import GEOMETRY
from ..objects import is_visible

MAX_EDGES = 400_000
COLOR = (0.08, 0.08, 0.08)


def draw_edges(picture: Any, eye: Any, projection: Any) -> None:
    """Draw the edges of all visible objects as a picture's camera sees them."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    left = MAX_EDGES
    for item in bpy.context.view_layer.objects:
        if item.type not in GEOMETRY or not is_visible(item):
            continue
        evaluated = item.evaluated_get(depsgraph)
        mesh = evaluated.to_mesh()
        try:
            if mesh is not None and 0 < len(mesh.edges) <= left:
                left -= len(mesh.edges)
                _draw(picture, mesh, np.array(projection @ eye.inverted() @ item.matrix_world))
        finally:
            evaluated.to_mesh_clear()


def _draw(picture: Any, mesh: Any, matrix: Any) -> None:
    height, width = picture.shape[:2]
    points = np.ones((len(mesh.vertices), 4))
    flat = np.empty(len(mesh.vertices) * 3, dtype=np.float32)
    mesh.vertices.foreach_get("co", flat)
    points[:, :3] = flat.reshape(-1, 3)
    seen = points @ matrix.T
    ends: Any = np.empty(len(mesh.edges) * 2, dtype=np.int32)
    mesh.edges.foreach_get("vertices", ends)
    ends = ends.reshape(-1, 2)
    # What is behind the eye has no place in the picture.
    ends = ends[(np.isfinite(seen).all(axis=1) & (seen[:, 3] > 1e-6))[ends].all(axis=1)]
    with np.errstate(all="ignore"):
        places = (seen[:, :2] / seen[:, 3:] * (0.5, -0.5) + 0.5) * (width, height)
    start, end = places[ends[:, 0]], places[ends[:, 1]]
    lengths = np.abs(end - start).max(axis=1)
    for most in (4, 16, 64, 256, 2048):
        chosen = lengths <= most
        steps = np.linspace(0.0, 1.0, most + 1)[None, :, None]
        for first in range(0, int(chosen.sum()), 4096):
            a, b = start[chosen][first : first + 4096, None], end[chosen][first : first + 4096, None]
            spots = (a + (b - a) * steps).reshape(-1, 2).astype(np.int64)
            inside = (spots >= 0).all(axis=1) & (spots < (width, height)).all(axis=1)
            picture[spots[inside, 1], spots[inside, 0], :3] = COLOR
        start, end, lengths = start[~chosen], end[~chosen], lengths[~chosen]
