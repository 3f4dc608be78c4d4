"""Write what was asked for into a folder, with the exporters that this Blender has. Main thread only."""

from __future__ import annotations

import difflib
import os
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy

from ...link.queue.main_thread import interrupter
from ..registry import CommandError
from .blends import write_blend
from .keeping import as_it_was, select
from .options import checked, find_operator

COMMAND = "export_file"
MAX_LISTED = 10
_SELECTED = "objects are chosen with names or selected_only"
_FORMAT = "the parameter format says it"


@dataclass(frozen=True, slots=True)
class Way:
    """How a format is written: the first operator that there is, its option for the selection, and what is given."""

    operators: tuple[str, ...]
    suffix: str
    mime_type: str
    selection: str
    given: Mapping[str, Any] = field(default_factory=dict)
    usual: Mapping[str, Any] = field(default_factory=dict)
    instead: str = "glb, usd or obj"


_GLTF = ("export_scene.gltf",)
_USD = ("wm.usd_export",)
_DRAWN = ("wm.grease_pencil_export_svg", "wm.gpencil_export_svg")
_ONE_SCENE = {"use_active_scene": True}

WAYS = {
    "glb": Way(_GLTF, ".glb", "model/gltf-binary", "use_selection", {"export_format": "GLB"}, _ONE_SCENE, "usdz"),
    "gltf": Way(
        _GLTF, ".gltf", "model/gltf+json", "use_selection", {"export_format": "GLTF_SEPARATE"}, _ONE_SCENE, "usd"
    ),
    "obj": Way(("wm.obj_export",), ".obj", "model/obj", "export_selected_objects", {}, {"path_mode": "COPY"}),
    "fbx": Way(
        ("export_scene.fbx",),
        ".fbx",
        "application/octet-stream",
        "use_selection",
        {},
        {"path_mode": "COPY", "embed_textures": True},
        "glb or usd",
    ),
    "stl": Way(("wm.stl_export",), ".stl", "model/stl", "export_selected_objects"),
    "ply": Way(("wm.ply_export",), ".ply", "application/octet-stream", "export_selected_objects"),
    "usd": Way(_USD, ".usdc", "application/octet-stream", "selected_objects_only", instead="glb"),
    "usda": Way(_USD, ".usda", "text/plain", "selected_objects_only", instead="glb"),
    "usdc": Way(_USD, ".usdc", "application/octet-stream", "selected_objects_only", instead="glb"),
    "usdz": Way(_USD, ".usdz", "model/vnd.usdz+zip", "selected_objects_only", instead="glb"),
    "abc": Way(("wm.alembic_export",), ".abc", "application/octet-stream", "selected", {"as_background_job": False}),
    "svg": Way(_DRAWN, ".svg", "image/svg+xml", "selected_object_type", instead="a picture of blender_render"),
}
FORMATS = (*WAYS, "blend")


@dataclass(frozen=True, slots=True)
class Written:
    """What an export wrote: the main file first, all below `folder`."""

    folder: Path
    files: list[Path]
    name: str
    mime_type: str
    objects: int
    notes: list[str]


def write(
    folder: Path, format: str, names: list[str] | None, selected_only: bool, options: Mapping[str, Any]
) -> Written:
    """Export into `folder`. Raises CommandError for what is not there, not possible here, or not an option."""
    wanted = _wanted(names, selected_only)
    stem = _stem(wanted)
    notes: list[str] = []
    if format == "blend":
        path = folder / f"{stem}.blend"
        with as_it_was():
            write_blend(path, wanted, options, notes)
        return Written(folder, [path], path.name, "application/x-blender", _count(wanted), notes)
    way = WAYS[format]
    operator = find_operator(way.operators)
    if operator is None:
        raise CommandError(
            f"{COMMAND}: this Blender ({bpy.app.version_string}) has no exporter of {format}: its add-on is switched "
            f"off, or this build is without it. There is instead: {way.instead}"
        )
    ours = {"filepath": "the file goes to the server", way.selection: _SELECTED, **dict.fromkeys(way.given, _FORMAT)}
    asked = checked(COMMAND, operator, options, ours)
    path = folder / f"{stem}{way.suffix}"
    # The light of the world belongs to a scene, not to objects of it.
    world = {} if wanted is None else {"convert_world_material": False}
    given = {**way.usual, **world, **asked, **way.given, "filepath": os.fspath(path)}
    if wanted is not None and way.selection not in operator.properties:
        raise CommandError(
            f"{COMMAND}: bpy.ops.{operator.name} of this Blender exports all objects only; leave names out"
        )
    if format == "svg":
        given["selected_object_type"] = _drawings(wanted)
    else:
        given[way.selection] = wanted is not None
    if "check_existing" in operator.properties:
        given["check_existing"] = False
    known = {name: value for name, value in given.items() if name in operator.properties}
    with as_it_was():
        if wanted is not None:
            _select(wanted)
        elif format == "svg":
            _activate_drawing()
        _call(format, operator.call, known, way.instead)
    files = sorted((file for file in folder.rglob("*") if file.is_file()), key=lambda file: file != path)
    if path not in files or not path.stat().st_size:
        raise CommandError(f"{COMMAND}: the exporter of {format} wrote no file; is there anything that it can hold?")
    return Written(folder, files, path.name, way.mime_type, _count(wanted), notes)


def packed(written: Written, place: Path) -> tuple[Path, str, str]:
    """Return file, name and type to send: the one file, or an archive of several. Not for the main thread."""
    if len(written.files) == 1:
        return written.files[0], written.name, written.mime_type
    target = place / "all.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in written.files:
            archive.write(file, file.relative_to(written.folder).as_posix())
    return target, f"{Path(written.name).stem}-{written.name.rpartition('.')[2]}.zip", "application/zip"


def _call(format: str, call: Callable[..., Any], given: dict[str, Any], instead: str) -> None:
    try:
        result = interrupter.call(lambda: call(**given))
    except (RuntimeError, OSError, AttributeError, TypeError, ValueError, KeyError) as error:
        # Exporters are scripts: what is odd in a scene makes them raise whatever comes.
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise CommandError(
            f"{COMMAND}: the exporter of {format} failed: {lines[-1][:300]}. There is instead: {instead}"
        ) from None
    if "FINISHED" not in result:
        raise CommandError(f"{COMMAND}: the exporter of {format} gave up ({', '.join(result)})")


def _wanted(names: list[str] | None, selected_only: bool) -> list[Any] | None:
    """Return the objects to export; None for all."""
    layer = bpy.context.view_layer
    if names and selected_only:
        raise CommandError(f"{COMMAND}: give names or selected_only, not both")
    if not names and not selected_only:
        if not layer.objects:
            raise CommandError(f"{COMMAND}: the scene has no objects")
        return None
    if selected_only:
        chosen = list(layer.objects.selected)
        if not chosen:
            raise CommandError(f"{COMMAND}: nothing is selected; give names, or leave selected_only out")
        return chosen
    found = []
    for name in names or ():
        item = layer.objects.get(name)
        if item is None:
            near = difflib.get_close_matches(name, [other.name for other in layer.objects], 3, 0.5)
            raise CommandError(
                f"{COMMAND}: there is no object {name[:100]!r} in this scene's view layer"
                + (f"; did you mean {', '.join(map(repr, near))}?" if near else "")
            )
        found.append(item)
    return found


def _count(wanted: list[Any] | None) -> int:
    return len(bpy.context.view_layer.objects) if wanted is None else len(wanted)


def _stem(wanted: list[Any] | None) -> str:
    """Return the name of the file without its ending: that of the one object, or of the open file."""
    name = wanted[0].name if wanted and len(wanted) == 1 else Path(bpy.data.filepath).stem or bpy.context.scene.name
    return re.sub(r"[^\w .-]+", "_", name).strip(" .")[:80] or "scene"


def _select(wanted: list[Any]) -> None:
    layer = bpy.context.view_layer
    select(layer, [item.name for item in wanted], wanted[0].name)
    hidden = [item.name for item in wanted if not item.select_get(view_layer=layer)]
    if hidden:
        raise CommandError(
            f"{COMMAND}: hidden objects cannot be exported by name: {', '.join(hidden[:MAX_LISTED])}; show them first"
        )


def _drawings(wanted: list[Any] | None) -> str:
    """Return which drawings go into an svg. Raises CommandError where there is none."""
    there = bpy.context.view_layer.objects if wanted is None else wanted
    if not any(item.type in ("GREASEPENCIL", "GPENCIL") for item in there):
        raise CommandError(
            f"{COMMAND}: svg holds drawings of Grease Pencil, and there is none among these objects. For meshes there "
            "is instead: a picture of blender_render, or a model as glb"
        )
    return "VISIBLE" if wanted is None else "SELECTED"


def _activate_drawing() -> None:
    layer = bpy.context.view_layer
    layer.objects.active = next(item for item in layer.objects if item.type in ("GREASEPENCIL", "GPENCIL"))
