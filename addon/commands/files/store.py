"""Where the files of imports are: a folder each, gone when it is over unless the open file needs something of it.

Main thread only.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path

import bpy

from ..registry import CommandError
from .outside import needed

MIN_FREE_BYTES = 64 * 1024**2
# Stands in a folder that a file needed when its import was over.
KEPT = "kept"
# A folder without it was left by a crash; one with it may be needed by a file that is not open.
LEFT_SECONDS = 86_400
KEPT_SECONDS = 90 * 86_400


def new_folder(job_id: str) -> Path:
    """Make the folder for what arrives, and let go of old ones. Raises CommandError."""
    try:
        root = Path(bpy.utils.user_resource("DATAFILES", path="blender_bus/imports", create=True))
        _let_go(root)
        name = "".join(letter for letter in job_id if letter.isalnum() or letter == "-")[:40]
        folder = Path(tempfile.mkdtemp(prefix=f"{time.strftime('%Y%m%d-%H%M%S')}-{name}-", dir=root))
        (folder / "files").mkdir()
    except OSError as error:
        raise CommandError(f"import_file: there is no place for the file: {error}") from None
    free = shutil.disk_usage(folder).free
    if free < MIN_FREE_BYTES:
        forget(folder)
        raise CommandError(f"import_file: the disk of {folder} is full: {free >> 20} MiB are free")
    return folder


def forget(folder: Path) -> None:
    """Delete what arrived, unless the open file needs it."""
    if _is_needed(folder, needed()):
        with contextlib.suppress(OSError):
            (folder / KEPT).touch()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _let_go(root: Path) -> None:
    """Delete what was left by a crash, and what no open file has needed for long."""
    paths, now = needed(), time.time()
    for folder in root.iterdir():
        kept = folder / KEPT
        with contextlib.suppress(OSError):
            if _is_needed(folder, paths):
                kept.touch()
                continue
            since, allowed = (kept.stat().st_mtime, KEPT_SECONDS) if kept.exists() else (_newest(folder), LEFT_SECONDS)
            if now - since > allowed:
                shutil.rmtree(folder, ignore_errors=True)


def _newest(folder: Path) -> float:
    return max(Path(place).stat().st_mtime for place, _, _ in os.walk(folder))


def _is_needed(folder: Path, paths: set[Path]) -> bool:
    place = folder.resolve()
    return any(path.is_relative_to(place) for path in paths)
