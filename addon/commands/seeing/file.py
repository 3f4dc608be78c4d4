"""get_file_info: the state of the open file and of what it needs from outside."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ...link.queue.control import JobControl
from ..registry import command
from ..values import number

MAX_LISTED = 100
# Looking for a file on a network drive takes its time.
MAX_LOOKED_FOR = 5_000
_UDIM = "<UDIM>"
_HEADER = re.compile(rb"BLENDER[^vV]{1,8}[vV](\d{3,4})")


@dataclass(frozen=True, slots=True)
class Kind:
    """Datablocks of `collection` that name a file by their property `path`."""

    kind: str
    collection: str
    path: str = "filepath"


KINDS = (
    Kind("image", "images"),
    Kind("library", "libraries"),
    Kind("sound", "sounds"),
    Kind("movie_clip", "movieclips"),
    Kind("font", "fonts"),
    Kind("volume", "volumes"),
    Kind("cache_file", "cache_files"),
    Kind("text", "texts"),
)


@dataclass(frozen=True, slots=True)
class External:
    """A file that a datablock names; `packed` if its content is in the open file."""

    kind: str
    name: str
    path: str
    absolute: str
    packed: bool


@command("get_file_info")
def get_file_info(control: JobControl) -> dict[str, Any]:
    """Return paths, versions and state of the open file, its external files and libraries, and its settings.

    Sizes are in bytes. Lists have at most 100 entries; `counts` tells how many there are.
    """
    path = bpy.data.filepath
    external = list(_external())
    missing = [item for item in external[:MAX_LOOKED_FOR] if not item.packed and not _exists(item)]
    absolute = [item for item in external if not item.packed and not item.path.startswith("//")]
    packed = [item for item in external if item.packed]
    answer = {
        "filepath": path,
        "is_saved": bool(path),
        "is_dirty": bool(bpy.data.is_dirty),
        "size_bytes": _size(path) if path else None,
        "blender_version": bpy.app.version_string,
        "written_by": _written_by(path) if path else None,
        "missing_files": [_row(item) for item in missing[:MAX_LISTED]],
        "absolute_files": [_row(item) for item in absolute[:MAX_LISTED]],
        "libraries": [_library(item) for item in bpy.data.libraries[:MAX_LISTED]],
        "missing_data": _placeholders(),
        "packed": [_packed(item) for item in packed[:MAX_LISTED]],
        "orphans": _orphans(),
        "counts": {
            "external_files": len(external) - len(packed),
            "missing_files": len(missing),
            "absolute_files": len(absolute),
            "packed": len(packed),
            "libraries": len(bpy.data.libraries),
        },
        **_settings(),
    }
    if len(external) > MAX_LOOKED_FOR:
        answer["note"] = f"Only the first {MAX_LOOKED_FOR} of {len(external)} external files were looked for"
    return answer


def _external() -> Iterator[External]:
    for row in KINDS:
        for item in getattr(bpy.data, row.collection, ()):
            path = getattr(item, row.path, "")
            if not path or path.startswith("<") or not _comes_from_a_file(item):
                continue
            absolute = bpy.path.abspath(path, library=item.library)
            yield External(row.kind, item.name, path, absolute, _is_packed(item))


def _comes_from_a_file(item: Any) -> bool:
    source = getattr(item, "source", "FILE")
    return source not in ("GENERATED", "VIEWER") and not getattr(item, "is_in_memory", False)


def _is_packed(item: Any) -> bool:
    return getattr(item, "packed_file", None) is not None


def _exists(item: External) -> bool:
    path = item.absolute
    if _UDIM in path:
        folder, name = Path(path).parent, Path(path).name
        pattern = _literally(name).replace(_literally(_UDIM), "[0-9][0-9][0-9][0-9]")
        try:
            return next(folder.glob(pattern), None) is not None
        except (OSError, ValueError):
            return False
    try:
        # Not as the interface shows it: names may hold what is no Unicode.
        return os.path.exists(path)  # noqa: PTH110
    except (OSError, ValueError):
        return False


def _literally(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _size(path: str) -> int | None:
    try:
        return Path(path).stat().st_size
    except (OSError, ValueError):
        return None


def _row(item: External) -> dict[str, Any]:
    return {"kind": item.kind, "name": item.name, "path": item.path}


def _packed(item: External) -> dict[str, Any]:
    source = next(row.collection for row in KINDS if row.kind == item.kind)
    block = getattr(bpy.data, source).get(item.name)
    file = getattr(block, "packed_file", None)
    return {**_row(item), "bytes": None if file is None else file.size}


def _written_by(path: str) -> str:
    """Return the version in the file's header; of a compressed file, what it was when it was opened."""
    try:
        with Path(path).open("rb") as file:
            found = _HEADER.match(file.read(32))
    except (OSError, ValueError):
        found = None
    return _version(divmod(int(found[1]), 100)) if found else _version(bpy.data.version)


def _version(version: Any) -> str:
    """Return the Blender that wrote a file; the third number counts changes of the format."""
    return f"{version[0]}.{version[1]}"


def _library(library: Any) -> dict[str, Any]:
    """Return a library; `linked_by` are the libraries that link it, and it is `indirect` if the open file does not."""
    absolute = bpy.path.abspath(library.filepath)
    items = library.users_id
    users = bpy.data.user_map(subset=set(items[:MAX_LISTED])) if items else {}
    linked_by = {user.library for found in users.values() for user in found} - {library}
    row = {
        "name": library.name,
        "path": library.filepath,
        "missing": not _is_packed(library) and not _exists(External("", "", "", absolute, False)),
        "indirect": all(item.is_library_indirect for item in items),
        "users": len(items),
        "linked_by": sorted(item.name for item in linked_by if item is not None),
    }
    version = tuple(getattr(library, "version", ()))
    if any(version):
        row["written_by"] = _version(version)
    return row


def _placeholders() -> list[dict[str, Any]]:
    """Return datablocks that stand for linked ones that are not there."""
    rows: list[dict[str, Any]] = []
    if not bpy.data.libraries:
        return rows
    for library in bpy.data.libraries:
        for item in library.users_id:
            if getattr(item, "is_missing", False) and len(rows) < MAX_LISTED:
                rows.append({"type": item.bl_rna.identifier, "name": item.name, "library": library.filepath})
    return rows


def _orphans() -> dict[str, int]:
    """Return how many datablocks nobody uses, by collection: saving the file drops them."""
    found: dict[str, int] = {}
    for prop in bpy.data.bl_rna.properties:
        items = getattr(bpy.data, prop.identifier, None) if prop.type == "COLLECTION" else None
        if items is None or prop.identifier in ("scenes", "window_managers", "screens", "workspaces", "libraries"):
            continue
        count = sum(1 for item in items if item.users == 0)
        if count:
            found[prop.identifier] = count
    return found


def _settings() -> dict[str, Any]:
    context = bpy.context
    scene = context.scene
    render, units = scene.render, scene.unit_settings
    scale = render.resolution_percentage / 100
    window = context.window
    workspace = window.workspace if window is not None else context.workspace
    return {
        "scene": scene.name,
        "scenes": [item.name for item in bpy.data.scenes[:MAX_LISTED]],
        "workspace": None if workspace is None else workspace.name,
        "render": {
            "engine": render.engine,
            "resolution": [round(render.resolution_x * scale), round(render.resolution_y * scale)],
            "fps": number(render.fps / render.fps_base),
            "frame_start": scene.frame_start,
            "frame_end": scene.frame_end,
            "camera": None if scene.camera is None else scene.camera.name,
            "output": render.filepath,
            "format": render.image_settings.file_format,
            "view_transform": scene.view_settings.view_transform,
        },
        "units": {
            "system": units.system,
            "length": units.length_unit,
            "scale_length": number(units.scale_length),
        },
    }
