"""What an import refers to: its own files are packed, and files of this disk that it names are not looked into."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

from .keeping import Added

MAX_LISTED = 10
# Data-blocks that hold the path of a file.
_WITH_FILES = ("images", "sounds", "fonts", "movieclips", "volumes", "cache_files", "libraries", "texts")


def cut_off(added: Added, folder: Path, notes: list[str]) -> None:
    """Pack what the import brought along, and drop what it names elsewhere on this disk."""
    strange, missing = [], []
    for name in _WITH_FILES:
        for item in added.of(name):
            path = _path(item)
            if path is None:
                continue
            if not path.is_relative_to(folder.resolve()):
                strange.append(item.name)
                _drop(name, item)
            elif not path.is_file():
                missing.append(item.name)
            else:
                _pack(item)
    if strange:
        notes.append(f"Files elsewhere on this computer were named and not loaded: {_listed(strange)}")
    if missing:
        notes.append(f"Not among the files that came: {_listed(missing)}; send them along in a zip")


def refer_to(folder: Path) -> bool:
    """Tell whether something in the open file needs a file in `folder`."""
    place = folder.resolve()
    return any(path.is_relative_to(place) for path in _all_paths())


def _all_paths() -> Iterator[Path]:
    for name in _WITH_FILES:
        for item in getattr(bpy.data, name, ()):
            path = _path(item)
            if path is not None and path.is_file():
                yield path


def _path(item: Any) -> Path | None:
    """Return where a data-block's file is; None if it needs none."""
    text = getattr(item, "filepath", "")
    if not text or text == "<builtin>" or getattr(item, "packed_file", None) is not None:
        return None
    if getattr(item, "packed_files", None) or getattr(item, "source", "FILE") in ("GENERATED", "VIEWER"):
        return None
    with contextlib.suppress(OSError, ValueError):
        return Path(bpy.path.abspath(text)).resolve()
    return None


def _pack(item: Any) -> None:
    if hasattr(item, "pack") and getattr(item, "source", "FILE") in ("FILE", "TILED"):
        with contextlib.suppress(RuntimeError):
            item.pack()


def _drop(name: str, item: Any) -> None:
    with contextlib.suppress(RuntimeError, ReferenceError, TypeError):
        getattr(bpy.data, name).remove(item)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return ", ".join(names[:MAX_LISTED]) + more
