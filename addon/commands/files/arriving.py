"""From a file that has arrived to one that can be imported: judged, unpacked, its references checked (no bpy).

Nothing here is for the main thread.
"""

from __future__ import annotations

import json
import mmap
import os
import re
import struct
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ...fetch.archive import BadArchive, safe_path, unpack
from .blocks import check_blocks, make_plain
from .kinds import (
    ARCHIVE,
    BY_NAME,
    FORMATS,
    HDRI,
    MODEL,
    MOVIE,
    SOUND,
    Kind,
    NotThat,
    by_suffix,
    detect,
    head_of,
    is_playable,
)
from .layers import check_layers

MAX_JSON_BYTES = 256 * 1_048_576
# Its parser takes many times as much memory.
MAX_DRAWING_BYTES = 64 * 1_048_576
_ENCODING = re.compile(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([^\"']*)")
# What is taken from an archive, the first that there is.
_FIRST = ("gltf", "glb", "fbx", "usda", "usdc", "usdz", "usd", "blend", "obj", "abc", "ply", "stl", "svg")
_GLB_JSON = 0x4E4F534A
# A line of an obj goes on after a backslash.
_MTLLIB = re.compile(rb"^[ \t]*mtllib((?:\\\r?\n|[^\n])*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Arrived:
    """What is to be imported. All that belongs to it lies in the same folder."""

    path: Path
    kind: Kind


def prepare(
    path: Path, name: str, mime_type: str, asked: str | None, folder: Path, cancelled: threading.Event
) -> Arrived:
    """Name, unpack and judge the file at `path`, into `folder`. Raises NotThat or BadArchive."""
    inner = asked if asked != "zip" else None
    outer = asked if asked in (None, "zip") or not _is_archive(path, name) else "zip"
    kind = detect(head_of(path), outer, name or "the file", mime_type)
    if kind.group == ARCHIVE:
        found = _chosen(unpack(path, folder, cancelled), inner)
        path.unlink()
    else:
        found = Arrived(path.rename(folder / _file_name(name, kind)), kind)
    if found.kind.name == "usdz":
        found = _opened(found, folder, cancelled)
    if found.kind.group in (SOUND, MOVIE):
        _check_played(found.path)
    check_references(found, folder, cancelled)
    return found


def _opened(package: Arrived, folder: Path, cancelled: threading.Event) -> Arrived:
    """Unpack a usdz and return its first layer: USD's own reader sees other files in it than are judged here."""
    inside = Path(tempfile.mkdtemp(prefix=f"{package.path.stem}-", dir=folder))
    files = unpack(package.path, inside, cancelled)
    package.path.unlink()
    return Arrived(files[0], package.kind)


def _is_archive(path: Path, name: str) -> bool:
    """Tell whether a file is an archive of files, whatever is in it: a usdz is none, though it is packed like one."""
    said = by_suffix(name)
    is_zip = BY_NAME["zip"].fits(head_of(path))
    return is_zip and not BY_NAME["usdz"].fits(head_of(path)) and (said is None or said.group == ARCHIVE)


def _file_name(name: str, kind: Kind) -> str:
    """Return a name that is safe on every disk and ends as its kind does."""
    stem = re.sub(r"[^\w .-]+", "_", Path(name.replace("\\", "/")).name)
    suffix = Path(stem).suffix.lower()
    stem = (stem[: -len(suffix)] if suffix else stem).strip(" .")[:60] or "file"
    return stem + (suffix if suffix in kind.suffixes else kind.suffixes[0])


def _chosen(files: list[Path], asked: str | None) -> Arrived:
    """Return the file of an archive that is to be imported: what was asked for, else a model, else the first medium."""
    named = [(path, kind) for path in files if (kind := by_suffix(path.name)) is not None and kind.group != ARCHIVE]
    if asked is not None:
        wanted = [(path, kind) for path, kind in named if _is_asked(asked, kind)]
    else:
        order = {name: place for place, name in enumerate(_FIRST)}
        models = [(path, kind) for path, kind in named if kind.group == MODEL]
        models.sort(key=lambda one: (order.get(one[1].name, len(order)), len(one[0].parts), one[0]))
        wanted = models or named
    if not wanted:
        there = ", ".join(path.name for path in files[:10]) or "nothing"
        what = f"of the format {asked}" if asked else f"that can be imported ({', '.join(FORMATS)})"
        raise NotThat(f"the archive holds no file {what}; it holds {there}")
    path, kind = wanted[0]
    return Arrived(path, detect(head_of(path), kind.name, path.name, ""))


def _is_asked(asked: str, kind: Kind) -> bool:
    return asked in (kind.name, kind.group) or (asked == HDRI and kind.name in ("hdr", "exr"))


def check_references(found: Arrived, folder: Path, cancelled: threading.Event | None = None) -> None:
    """Refuse a model that names files outside of what has come, and what would fill the memory when it is read.

    A compressed .blend is made plain. Raises BadArchive or NotThat.
    """
    if found.kind.name in ("gltf", "glb"):
        for uri in _uris(found):
            target = safe_path(found.path.parent, unquote(uri))
            if not target.resolve().is_relative_to(folder.resolve()):
                raise BadArchive(f"{found.path.name} names {uri[:200]!r}, which is outside of what was sent")
            if not target.is_file():
                raise NotThat(
                    f"{found.path.name} needs {uri[:200]!r}, which did not come along; send it all in a zip, or a glb"
                )
    if found.kind.name.startswith("usd"):
        check_layers(folder)
    if found.kind.name == "obj":
        _check_libraries(found, folder)
    if found.kind.name == "blend":
        make_plain(found.path, cancelled or threading.Event())
        check_blocks(found.path)
    if found.kind.name == "svg":
        _check_drawing(found.path)


def _check_played(path: Path) -> None:
    with path.open("rb") as file:
        if not is_playable(file):
            raise NotThat(f"{path.name} has the tags of an mp3, and no sound after them")


def _check_drawing(path: Path) -> None:
    """Refuse text that makes a parser fill the memory, or that is in letters which hide it from here."""
    size = path.stat().st_size
    if size > MAX_DRAWING_BYTES:
        raise BadArchive(f"{path.name} has {size} bytes; a drawing of at most {MAX_DRAWING_BYTES} is taken")
    text = path.read_bytes()
    said = _ENCODING.match(text.removeprefix(b"\xef\xbb\xbf"))
    if said is not None and said[1].lower() not in (b"utf-8", b"us-ascii", b"iso-8859-1"):
        raise BadArchive(f"{path.name} is encoded as {said[1][:40]!r}; send it as UTF-8")
    if re.search(rb"<!(ENTITY|DOCTYPE[^>]*\[)", text):
        raise BadArchive(f"{path.name} declares entities, which no drawing needs")


def _check_libraries(found: Arrived, folder: Path) -> None:
    """Refuse an obj whose libraries of materials are elsewhere. What those name is dropped once it is loaded."""
    if not found.path.stat().st_size:
        return
    with found.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for line in _MTLLIB.finditer(data):
            name = re.sub(rb"\\\r?\n", b" ", line[1]).decode("utf-8", "replace").replace("\\", "/").strip(" \t\r\"'")
            # Blender puts the folder before it, whatever it is.
            target = Path(os.path.normpath(f"{found.path.parent.resolve()}/{name}"))
            if not target.is_relative_to(folder.resolve()):
                raise BadArchive(f"{found.path.name} names {name[:200]!r}, which is outside of what was sent")


def _uris(found: Arrived) -> list[str]:
    document = _gltf_document(found)
    uris = []
    for part in ("buffers", "images"):
        entries = document.get(part)
        for entry in entries if isinstance(entries, list) else ():
            uri = entry.get("uri") if isinstance(entry, dict) else None
            if isinstance(uri, str) and not uri.startswith("data:"):
                uris.append(uri)
    return uris


def _gltf_document(found: Arrived) -> dict[str, Any]:
    with found.path.open("rb") as file:
        if found.kind.name == "glb":
            head = file.read(20)
            if len(head) < 20:
                raise NotThat(f"{found.path.name} is cut off after {len(head)} bytes")
            length, kind = struct.unpack_from("<II", head, 12)
            if kind != _GLB_JSON:
                raise NotThat(f"{found.path.name} does not begin with its description, as a glb does")
        else:
            length = found.path.stat().st_size
        if length > MAX_JSON_BYTES:
            raise BadArchive(f"the description in {found.path.name} has {length} bytes, which is too much")
        try:
            document = json.loads(file.read(length))
        except (ValueError, RecursionError) as error:
            raise NotThat(f"{found.path.name} is no glTF: its description cannot be read: {error}") from None
    if not isinstance(document, dict):
        raise NotThat(f"{found.path.name} is no glTF: its description is no object")
    return document
