"""Bring a file that arrived into the open file: models by Blender's importers, media as data. Main thread only."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy

from ...link.queue.interrupt import JobCancelled
from ...link.queue.main_thread import interrupter
from ..extent import bounds
from ..registry import CommandError
from .blends import append_blend
from .keeping import Added, as_it_was
from .kinds import HDRI, MODEL, Kind
from .media import MEDIA_OPTIONS, load_medium
from .options import FBX, checked, find_operator
from .outside import cut_off

COMMAND = "import_file"
MAX_LISTED = 500
# What is told by name.
_TOLD = ("objects", "images", "materials", "meshes", "actions", "fonts", "sounds", "movieclips", "worlds", "texts")


@dataclass(frozen=True, slots=True)
class Way:
    """How a format is read: the first operator that there is, and what is given unless the caller says otherwise."""

    operators: tuple[str, ...]
    usual: Mapping[str, Any] = field(default_factory=dict)
    instead: str = "glb"


_USD = Way(
    ("wm.usd_import",),
    {"import_textures_mode": "IMPORT_PACK", "set_frame_range": False, "create_world_material": False},
)
WAYS = {
    "glb": Way(("import_scene.gltf",), instead="usdz or obj"),
    "gltf": Way(("import_scene.gltf",), instead="usd or obj"),
    "fbx": Way(FBX),
    "obj": Way(("wm.obj_import",)),
    "stl": Way(("wm.stl_import",)),
    "ply": Way(("wm.ply_import",)),
    "abc": Way(("wm.alembic_import",), {"set_frame_range": False, "as_background_job": False}),
    "svg": Way(("import_curve.svg", "wm.grease_pencil_import_svg")),
    **dict.fromkeys(("usd", "usda", "usdc", "usdz"), _USD),
}
_OURS = {
    "filepath": "the file comes from the server",
    "as_background_job": "an import ends before it is answered",
    "import_textures_mode": "pictures are packed",
}


def bring_in(path: Path, kind: Kind, asked: str | None, options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Import `path`, which lies with all that belongs to it in `folder`, and return what has come.

    All or nothing: what a failed or cancelled import has brought is taken back. Raises CommandError.
    """
    action, notes = _action(path, kind, asked, options), list[str]()
    added = Added()
    try:
        with as_it_was(times=options.get("set_frame_range") is not True):
            interrupter.call(lambda: action(added, notes))
            cut_off(added, folder, notes)
    except JobCancelled:
        added.take_back()
        raise
    except CommandError:
        added.take_back()
        raise
    except Exception as error:
        # Importers are scripts: a damaged file makes them raise whatever comes.
        added.take_back()
        raise CommandError(f"{COMMAND}: {path.name} cannot be imported as {kind.name}: {_last_line(error)}") from None
    told = {name: [item.name for item in added.of(name)][:MAX_LISTED] for name in _TOLD}
    if not any(told.values()):
        added.take_back()
        raise CommandError(f"{COMMAND}: {path.name} holds nothing that can be imported")
    found = {name: names for name, names in told.items() if names or name in ("objects", "images")}
    return {**found, **bounds(added.of("objects")), "notes": notes}


def _action(
    path: Path, kind: Kind, asked: str | None, options: Mapping[str, Any]
) -> Callable[[Added, list[str]], None]:
    """Return what imports; all that can be said against it is said here, before anything has changed."""
    if kind.name == "blend":
        if options:
            raise CommandError(
                f"{COMMAND}: a .blend is appended and takes no options, got {next(iter(options))[:60]!r}"
            )
        return lambda added, notes: append_blend(path, added, notes)
    if kind.group != MODEL:
        chosen = dict(options) | ({"as": "world"} if asked == HDRI and "as" not in options else {})
        _check_medium(kind, chosen)
        return lambda added, notes: load_medium(path, kind, chosen, notes)
    way = WAYS[kind.name]
    operator = find_operator(way.operators)
    if operator is None:
        raise CommandError(
            f"{COMMAND}: this Blender ({bpy.app.version_string}) has no importer of {kind.name}: its add-on is "
            f"switched off, or this build is without it. Send {way.instead} instead"
        )
    asked_for = checked(COMMAND, operator, options, _OURS)
    given = {name: value for name, value in {**way.usual, **asked_for}.items() if name in operator.properties}

    def load(added: Added, notes: list[str]) -> None:
        result = operator.call(**given, **_place(operator.properties, path))
        if "FINISHED" not in result:
            raise CommandError(f"{COMMAND}: {path.name} cannot be imported as {kind.name}: the importer gave up")

    return load


def _place(properties: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return where the file is, as the importer wants it."""
    if "files" in properties and "directory" in properties:
        return {
            "filepath": os.fspath(path),
            "directory": os.fspath(path.parent) + os.sep,
            "files": [{"name": path.name}],
        }
    return {"filepath": os.fspath(path)}


def _check_medium(kind: Kind, options: Mapping[str, Any]) -> None:
    known = MEDIA_OPTIONS.get(kind.group, {})
    for name, value in options.items():
        if name not in known:
            told = ", ".join(known) or "none"
            raise CommandError(f"{COMMAND}: options.{name[:60]} is unknown for a {kind.group}; it takes: {told}")
        if value not in known[name]:
            choices = ", ".join(known[name])
            raise CommandError(f"{COMMAND}: options.{name} must be one of {choices}, got {value!r:.80}")


def _last_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1][:300] if lines else type(error).__name__
