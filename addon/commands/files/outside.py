"""What an import refers to: its own files are packed, and files of this disk that it names are not looked into."""

from __future__ import annotations

import contextlib
import glob
import io
import re
from pathlib import Path
from typing import IO, Any

import bpy

from .keeping import Added
from .kinds import is_playable
from .naming import named_by_all
from .pixels import NoSize, UnknownFormat, size_of

MAX_LISTED = 10
MAX_TILES = 1000
# Data-blocks that hold the path of a file.
_WITH_FILES = ("images", "sounds", "fonts", "movieclips", "volumes", "cache_files", "libraries", "texts")


def cut_off(added: Added, folder: Path, notes: list[str]) -> None:
    """Pack what the import brought along, and drop what it names elsewhere on this disk."""
    strange, missing, bad = [], [], []
    for name in _WITH_FILES:
        for item in added.of(name):
            path = _path(item)
            if _is_bad(name, item, path, folder):
                bad.append(item.name)
                _drop(name, item)
            elif path is None:
                continue
            elif not path.is_relative_to(folder.resolve()):
                strange.append(item.name)
                _drop(name, item)
            elif not path.is_file():
                missing.append(item.name)
            else:
                _pack(item)
    if bad:
        notes.append(
            "Left out, since they have more pixels than are taken, a damaged head, or are no sound or movie: "
            f"{_listed(bad)}"
        )
    if strange:
        notes.append(f"Files elsewhere on this computer were named and not loaded: {_listed(strange)}")
    if missing:
        notes.append(f"Not among the files that came: {_listed(missing)}; send them along in a zip")


def _is_bad(name: str, item: Any, path: Path | None, folder: Path) -> bool:
    """Tell whether a picture would fill the memory, or a sound or movie is none; nothing has decoded it so far."""
    if name not in ("images", "sounds", "movieclips") or getattr(item, "source", "FILE") in ("GENERATED", "VIEWER"):
        return False
    pictures = name != "sounds" and item.source != "MOVIE"
    packed = [part.packed_file for part in getattr(item, "packed_files", ())] or [getattr(item, "packed_file", None)]
    heads: list[IO[bytes]] = [io.BytesIO(part.data) for part in packed if part is not None]
    with contextlib.ExitStack() as opened:
        if path is not None and path.is_relative_to(folder.resolve()):
            heads += [opened.enter_context(file.open("rb")) for file in _tiles(path) if file.is_file()]
        return any(_says_too_much(head) if pictures else not is_playable(head) for head in heads)


def _tiles(path: Path) -> list[Path]:
    """Return the files that a name with a place for a number stands for."""
    pattern = re.sub(r"<[^>]*>", "*", glob.escape(path.name))
    return list(path.parent.glob(pattern))[:MAX_TILES] if "<" in path.name else [path]


def _says_too_much(head: IO[bytes]) -> bool:
    try:
        return size_of(head).is_too_much
    except UnknownFormat:
        # What is no picture by its head, Blender does not decode either.
        return False
    except NoSize:
        return True


def needed() -> set[Path]:
    """Return the files and folders of this disk that the open file needs."""
    own = {path for name in _WITH_FILES for item in getattr(bpy.data, name, ()) if (path := _path(item)) is not None}
    return own | {path for named in named_by_all() if (path := named.path) is not None}


def left_out() -> list[str]:
    """Return the names of what a copy of the open file does not hold: it is only named there."""
    own = [item.name for name in _WITH_FILES if name != "texts" for item in getattr(bpy.data, name, ()) if _path(item)]
    return own + [named.words for named in named_by_all() if named.path is not None]


def _path(item: Any) -> Path | None:
    """Return where a data-block's file is; None if it needs none."""
    text = getattr(item, "filepath", "")
    if not text or text == "<builtin>" or _is_packed(item):
        return None
    with contextlib.suppress(OSError, ValueError):
        return Path(bpy.path.abspath(text)).resolve()
    return None


def _is_packed(item: Any) -> bool:
    """Tell whether nothing of a data-block is read from disk. What is packed covers neither sequences nor movies."""
    if not hasattr(item, "packed_files"):
        return getattr(item, "packed_file", None) is not None
    if item.source in ("GENERATED", "VIEWER"):
        return True
    there = len(item.packed_files)
    if item.source == "TILED":
        return there >= len(item.tiles)
    one_each = item.use_multiview and item.views_format == "INDIVIDUAL"
    return bool(item.source == "FILE" and there and not one_each)


def _pack(item: Any) -> None:
    if hasattr(item, "pack") and getattr(item, "source", "FILE") in ("FILE", "TILED"):
        with contextlib.suppress(RuntimeError):
            item.pack()


def _drop(name: str, item: Any) -> None:
    with contextlib.suppress(RuntimeError, ReferenceError, TypeError):
        if name in ("volumes", "movieclips"):
            # The objects of a volume would go with it, and Blender 5.0 leaves cameras pointing at a clip that is gone.
            item.filepath = ""
        else:
            bpy.data.batch_remove([item])


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return ", ".join(names[:MAX_LISTED]) + more
