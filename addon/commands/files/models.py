"""Bring a downloaded model into the scene: glTF, FBX, or what a .blend holds."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import bpy
from mathutils import Vector

from ...fetch.archive import BadArchive
from .. import sources
from ..compat import object_mode, operator_context
from ..extent import bounds, resize
from ..registry import Bounds, CommandError
from ..running.modes import users_mode
from ..values import number, vector
from .arriving import Arrived, check_references
from .blends import append_blend
from .keeping import Added
from .kinds import BY_NAME, NotThat
from .options import FBX, find_operator
from .outside import cut_off

FORMATS = ("gltf", "glb", "fbx", "obj", "blend")
# Metres.
TargetSize = Annotated[float, Bounds(0.0001, 100_000)]
_GLB_MAGIC = b"glTF"
_FBX_MAGIC = b"Kaydara FBX Binary"


def import_model(command: str, path: Path, folder: Path, notes: list[str]) -> list[Any]:
    """Import a file and return its new objects; what it needs of `folder` is packed, since that is about to go.

    `notes` gets what the caller is to hear, such as files that the model names elsewhere.

    Whoever made it is trusted as little as whoever uploads: see `arriving` and `outside`.
    """
    kind = path.suffix.lower().lstrip(".")
    load = _LOADERS.get(kind)
    if load is None:
        raise CommandError(
            f"{command}: files of type {kind!r} cannot be imported; expected one of {', '.join(FORMATS)}"
        )
    _check_content(command, path, kind)
    try:
        check_references(Arrived(path, BY_NAME[kind]), folder)
    except (BadArchive, NotThat) as refusal:
        raise CommandError(f"{command}: {refusal}") from None
    added = Added()
    try:
        with users_mode(""), operator_context():
            object_mode()
            load(path, added, notes)
    except (RuntimeError, OSError, AttributeError) as error:
        # Importers are scripts: a damaged file makes them raise whatever comes.
        raise CommandError(f"{command}: {path.name} cannot be imported: {_last_line(error)}") from None
    finally:
        cut_off(added, folder, notes)
    created = added.of("objects")
    if not created:
        raise CommandError(f"{command}: {path.name} holds no objects")
    return created


def describe(item: Any) -> dict[str, Any]:
    """Return what import_generated_asset tells of the object."""
    bpy.context.view_layer.update()
    facts = {
        "succeed": True,
        "name": item.name,
        "type": item.type,
        "location": vector(item.location),
        "rotation": vector(item.rotation_euler),
        "scale": vector(item.scale),
    }
    if item.type == "MESH":
        corners = [item.matrix_world @ Vector(corner) for corner in item.bound_box]
        facts["world_bounding_box"] = [
            [number(pick(corner[axis] for corner in corners)) for axis in range(3)] for pick in (min, max)
        ]
    return facts


def single_object(created: list[Any], name: str) -> Any:
    """Make one object called `name` of an import: a lone mesh loses its empty parents, else the root is named."""
    meshes = [item for item in created if item.type == "MESH"]
    if len(meshes) == 1 and all(item.type in ("MESH", "EMPTY") for item in created):
        mesh = meshes[0]
        bpy.context.view_layer.update()
        place = mesh.matrix_world.copy()
        mesh.parent = None
        mesh.matrix_world = place
        for item in created:
            if item is not mesh:
                bpy.data.objects.remove(item)
        mesh.name = mesh.data.name = name
        return mesh
    root = next((item for item in created if item.parent is None), created[0])
    root.name = name
    return root


def noted(notes: list[str]) -> dict[str, Any]:
    """Return what an answer says of an import besides its objects."""
    return {"note": ". ".join(notes)} if notes else {}


def placed(
    created: list[Any], name: str, size: float | None, origin: dict[str, str], notes: list[str]
) -> dict[str, Any]:
    """Make one object of an import, as large as wanted, and return what the answer tells of it."""
    item = single_object(created, name)
    family = [item, *item.children_recursive]
    if size is not None:
        resize(family, size)
    return {**describe(item), **bounds(family), **sources.keep(origin, family), **noted(notes)}


_LOADERS: dict[str, Callable[[Path, Added, list[str]], object]] = {
    "gltf": lambda path, added, notes: bpy.ops.import_scene.gltf(filepath=os.fspath(path)),
    "glb": lambda path, added, notes: bpy.ops.import_scene.gltf(filepath=os.fspath(path)),
    "fbx": lambda path, added, notes: _load_fbx(path),
    "obj": lambda path, added, notes: bpy.ops.wm.obj_import(filepath=os.fspath(path)),
    "blend": append_blend,
}


def _load_fbx(path: Path) -> None:
    importer = find_operator(FBX)
    if importer is None:
        raise CommandError("this Blender has no importer of fbx: its add-on is switched off")
    importer.call(filepath=os.fspath(path))


def _check_content(command: str, path: Path, kind: str) -> None:
    """A page of excuses instead of a model is told as that, not as an importer's traceback."""
    with path.open("rb") as file:
        start = file.read(64)
    fits = {
        "glb": start.startswith(_GLB_MAGIC),
        "fbx": start.startswith(_FBX_MAGIC) or start.lstrip().startswith(b";"),
        "obj": b"\0" not in start and not start.lstrip().startswith(b"<"),
        "gltf": start.lstrip().startswith(b"{"),
        # Newer Blenders compress, with zstd or gzip.
        "blend": start.startswith((b"BLENDER", b"\x28\xb5\x2f\xfd", b"\x1f\x8b")),
    }
    if not fits[kind]:
        raise CommandError(f"{command}: {path.name} is not a {kind} file; it begins with {start[:20]!r}")


def _last_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1][:300] if lines else type(error).__name__
