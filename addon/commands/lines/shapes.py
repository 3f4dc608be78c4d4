"""The meshes that servers which frame by lines may ask for, by the names they use."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import bmesh
import bpy

SEGMENTS, RINGS = 24, 12
# Of the size that is asked for: from the middle to the middle of the tube, and of the tube.
MAJOR, MINOR = 0.35, 0.15


def _sphere(mesh: Any, size: float) -> None:
    bmesh.ops.create_uvsphere(mesh, u_segments=SEGMENTS, v_segments=RINGS, radius=size / 2)


def _cylinder(mesh: Any, size: float) -> None:
    _tapered(mesh, size, size / 2)


def _cone(mesh: Any, size: float) -> None:
    _tapered(mesh, size, 0.0)


def _tapered(mesh: Any, size: float, top: float) -> None:
    bmesh.ops.create_cone(
        mesh, cap_ends=True, cap_tris=False, segments=SEGMENTS, radius1=size / 2, radius2=top, depth=size
    )


def _torus(mesh: Any, size: float) -> None:
    rows = []
    for turn in (2 * math.pi * step / SEGMENTS for step in range(SEGMENTS)):
        ring = []
        for tube in (2 * math.pi * step / RINGS for step in range(RINGS)):
            away = size * (MAJOR + MINOR * math.cos(tube))
            ring.append(mesh.verts.new((away * math.cos(turn), away * math.sin(turn), size * MINOR * math.sin(tube))))
        rows.append(ring)
    for row, after in zip(rows, [*rows[1:], rows[0]], strict=True):
        for at in range(RINGS):
            mesh.faces.new((row[at], after[at], after[(at + 1) % RINGS], row[(at + 1) % RINGS]))


SHAPES: dict[str, Callable[[Any, float], Any]] = {
    "cube": lambda mesh, size: bmesh.ops.create_cube(mesh, size=size),
    "plane": lambda mesh, size: bmesh.ops.create_grid(mesh, x_segments=1, y_segments=1, size=size / 2),
    "sphere": _sphere,
    "cylinder": _cylinder,
    "cone": _cone,
    "torus": _torus,
}


def make(shape: str, name: str | None, location: Any, size: float) -> Any:
    """Return a new object of one of SHAPES in the scene, `size` metres wide, its middle at `location`."""
    data = bpy.data.meshes.new(name or shape.title())
    mesh = bmesh.new()
    try:
        SHAPES[shape](mesh, size)
        mesh.normal_update()
        mesh.to_mesh(data)
    finally:
        mesh.free()
    item = bpy.data.objects.new(name or shape.title(), data)
    item.location = location
    bpy.context.scene.collection.objects.link(item)
    return item
