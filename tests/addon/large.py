"""How long the commands that look take in a scene of 5 million vertices: `python tests/addon/large.py [millions]`.

Run it with a Python that has bpy. It prints seconds by command and by check.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

import os  # noqa: E402

os.environ.setdefault("BLENDER_USER_RESOURCES", tempfile.mkdtemp(prefix="blender-bus-large-"))

import bpy  # noqa: E402
import numpy as np  # noqa: E402
import running  # noqa: E402

# Of the tests' patience there is too little on a busy machine.
running.MAX_SECONDS = 1200.0


def terrain(side: int) -> Any:
    """An object of `side` by `side` vertices, wavy, as a scan is."""
    across = np.linspace(-10.0, 10.0, side, dtype=np.float32)
    x, y = np.meshgrid(across, across, indexing="ij")
    points = np.stack([x, y, np.sin(x * 3) * np.cos(y * 2)], axis=-1).reshape(-1, 3)
    first = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)[None, :]).ravel().astype(np.int32)
    corners = np.stack([first, first + side, first + side + 1, first + 1], axis=1)
    mesh = bpy.data.meshes.new("Terrain")
    mesh.vertices.add(len(points))
    mesh.vertices.foreach_set("co", points.ravel())
    mesh.loops.add(corners.size)
    mesh.loops.foreach_set("vertex_index", corners.ravel())
    mesh.polygons.add(len(corners))
    mesh.polygons.foreach_set("loop_start", np.arange(0, corners.size, 4, dtype=np.int32))
    mesh.update(calc_edges=True)
    item = bpy.data.objects.new("Terrain", mesh)
    bpy.context.scene.collection.objects.link(item)
    return item


def timed(label: str, command: str, **params: Any) -> None:
    began = time.perf_counter()
    outcome = running.run(command, **params)
    print(f"{label}: {time.perf_counter() - began:.1f} s {outcome.status} {outcome.error[:100]}", flush=True)


def main() -> None:
    millions = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    bpy.ops.wm.read_factory_settings()
    began = time.perf_counter()
    terrain(round((millions * 1_000_000) ** 0.5))
    bpy.data.objects["Camera"].data.clip_end = 1000
    print(
        f"Blender {bpy.app.version_string}, {millions:g} million vertices, made in {time.perf_counter() - began:.1f} s"
    )
    timed("get_scene_tree full", "get_scene_tree", detail="full")
    timed("get_file_info", "get_file_info")
    for check in ("size", "mesh", "camera", "distance", "overlap", "support"):
        timed(f"measure {check}", "measure", checks=[check])
    timed("measure all", "measure")
    timed("render_views", "render_views", views=["persp"], max_size=256)
    sys.stdout.flush()
    os._exit(0)


main()
