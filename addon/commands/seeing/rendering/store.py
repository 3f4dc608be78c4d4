"""Where the files of renders are: a folder each, bounded in count and size, the oldest let go first."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import bpy

MAX_COUNT = 20
MAX_BYTES = 2 * 1024**3
FRESH_SECONDS = 600


def new_folder(job_id: str) -> Path:
    """Make a folder for the files of a job; let go of old ones. Raises OSError."""
    root = Path(bpy.utils.user_resource("DATAFILES", path="blender_bus/renders", create=True))
    _let_go(root)
    name = "".join(letter for letter in job_id if letter.isalnum() or letter == "-")[:40]
    folder = root / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}"
    number = 1
    while True:
        try:
            folder.mkdir(mode=0o700)
            return folder
        except FileExistsError:
            number += 1
            folder = folder.with_name(f"{folder.name.partition('~')[0]}~{number}")


def _let_go(root: Path) -> None:
    """Keep the newest, one less than may be; of those the last, and what may still be written, however large."""
    size = 0
    for count, folder in enumerate(sorted((path for path in root.iterdir() if path.is_dir()), reverse=True)):
        size += sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
        is_fresh = time.time() - folder.stat().st_mtime < FRESH_SECONDS
        if count and (count >= MAX_COUNT - 1 or (size > MAX_BYTES and not is_fresh)):
            shutil.rmtree(folder, ignore_errors=True)
