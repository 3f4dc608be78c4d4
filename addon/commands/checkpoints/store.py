"""The copies on disk: compressed, bounded in count and size, the oldest let go first.

A checkpoint is a .blend and a .json beside it that tells its label. What is restored is opened from a copy of its own:
saving it changes neither the checkpoint nor the artist's own file, which is never written.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import bpy

MAX_COUNT = 20
MAX_BYTES = 2 * 1024**3
# Of those that nobody asked for: they never push out one that somebody did.
MAX_AUTOMATIC = 10
MAX_AUTOMATIC_BYTES = 1024**3
MAX_LABEL = 100
_ID = re.compile(r"c-[0-9a-f]{12}")


class CannotKeep(Exception):
    """There is no such checkpoint, or the disk refuses; the message is for the caller."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One copy: `at` in Unix seconds, `by` who had it made, `file` what was open; `automatic` if nobody asked."""

    checkpoint_id: str
    label: str | None
    at: float
    by: str
    bytes: int
    file: str
    automatic: bool = False


class Store:
    """Main thread only."""

    def __init__(self) -> None:
        self._known: list[Checkpoint] | None = None

    @property
    def folder(self) -> Path:
        """Return where the copies are; only this user may look into it."""
        path = Path(bpy.utils.user_resource("DATAFILES", path="blender_bus/checkpoints", create=True))
        with contextlib.suppress(OSError):
            path.chmod(0o700)
        return path

    def all(self) -> list[Checkpoint]:
        """Return the checkpoints, newest first."""
        if self._known is None:
            found = [self._read(path) for path in self.folder.glob("c-*.json")]
            self._known = sorted((item for item in found if item is not None), key=lambda item: -item.at)
        return list(self._known)

    def find(self, checkpoint_id: str) -> Checkpoint:
        """Raises CannotKeep."""
        self._known = None
        found = next((item for item in self.all() if item.checkpoint_id == checkpoint_id), None)
        if found is None:
            known = ", ".join(item.checkpoint_id for item in self.all()[:5]) or "none"
            raise CannotKeep(f"there is no checkpoint {checkpoint_id[:100]!r}; the newest are: {known}")
        return found

    def make(self, label: str | None, by: str, keep: str = "", *, automatic: bool = False) -> Checkpoint:
        """Copy what is open; let the oldest of its kind go, but not `keep`. Raises CannotKeep."""
        checkpoint_id = f"c-{secrets.token_hex(6)}"
        path = self._blend(checkpoint_id)
        try:
            # As a copy: Blender goes on with the file that is open. Paths in it are made to hold from the new place.
            # Blender tells of it where the code that runs prints.
            with contextlib.redirect_stdout(io.StringIO()), _without_thumbnail():
                bpy.ops.wm.save_as_mainfile(
                    filepath=os.fspath(path), copy=True, compress=True, relative_remap=True, check_existing=False
                )
            size = path.stat().st_size
        except (RuntimeError, OSError) as error:
            path.unlink(missing_ok=True)
            raise CannotKeep(f"Blender cannot write a checkpoint to {self.folder}: {error}") from None
        room = MAX_AUTOMATIC_BYTES if automatic else MAX_BYTES
        if size > room:
            path.unlink(missing_ok=True)
            raise CannotKeep(f"this file has {size} bytes compressed; all checkpoints may have {room} together")
        made = Checkpoint(checkpoint_id, label, time.time(), by, size, bpy.data.filepath, automatic)
        try:
            path.with_suffix(".json").write_text(json.dumps(asdict(made)), encoding="utf-8")
        except OSError as error:
            path.unlink(missing_ok=True)
            raise CannotKeep(f"Blender cannot write a checkpoint to {self.folder}: {error}") from None
        self._known = None
        self._let_go({checkpoint_id, keep})
        return made

    def go_back(self, checkpoint_id: str, by: str) -> tuple[Checkpoint, Checkpoint, Path]:
        """Open a copy of a checkpoint, after making one of what is open now.

        Return both, and where the copy is. Raises CannotKeep.
        """
        wanted = self.find(checkpoint_id)
        label = f"Before going back to {wanted.label or wanted.checkpoint_id}"[:MAX_LABEL]
        before = self.make(label, by, checkpoint_id, automatic=True)
        return wanted, before, self.open(wanted)

    def open(self, checkpoint: Checkpoint) -> Path:
        """Open a copy of a checkpoint, and return where that is. Raises CannotKeep."""
        name = (Path(checkpoint.file).stem or "untitled")[:60]
        when = time.strftime("%Y-%m-%d %H%M%S")
        # In the same folder, from which the paths in it hold.
        path = self.folder / f"{name} restored {when} {checkpoint.checkpoint_id[-4:]}.blend"
        try:
            for old in self.folder.glob("* restored *.blend"):
                # Not saved since it was restored, and not open.
                if old.stat().st_mtime == 0 and os.fspath(old) != bpy.data.filepath:
                    old.unlink()
            shutil.copyfile(self._blend(checkpoint.checkpoint_id), path)
            os.utime(path, (0, 0))
            bpy.ops.wm.open_mainfile(filepath=os.fspath(path), load_ui=False, use_scripts=False)
        except (RuntimeError, OSError) as error:
            raise CannotKeep(f"the checkpoint cannot be opened: {error}") from None
        return path

    def _blend(self, checkpoint_id: str) -> Path:
        if not _ID.fullmatch(checkpoint_id):
            raise CannotKeep(f"a checkpoint_id looks like c-0123456789ab, not {checkpoint_id[:100]!r}")
        return self.folder / f"{checkpoint_id}.blend"

    def _read(self, path: Path) -> Checkpoint | None:
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            size = path.with_suffix(".blend").stat().st_size
            label = told["label"]
            return Checkpoint(
                path.stem,
                None if label is None else str(label),
                float(told["at"]),
                str(told["by"]),
                size,
                str(told["file"]),
                told.get("automatic") is True,
            )
        except (OSError, ValueError, KeyError, TypeError):
            # Half written, or not one of ours.
            return None

    def _let_go(self, kept: set[str]) -> None:
        limits = {False: (MAX_COUNT, MAX_BYTES), True: (MAX_AUTOMATIC, MAX_AUTOMATIC_BYTES)}
        used = {False: (0, 0), True: (0, 0)}
        for item in self.all():
            before = used[item.automatic]
            count, size = used[item.automatic] = before[0] + 1, before[1] + item.bytes
            most, room = limits[item.automatic]
            if (count > most or size > room) and item.checkpoint_id not in kept:
                used[item.automatic] = before
                for suffix in (".json", ".blend"):
                    with contextlib.suppress(OSError):
                        self._blend(item.checkpoint_id).with_suffix(suffix).unlink(missing_ok=True)
        self._known = None


@contextlib.contextmanager
def _without_thumbnail() -> Iterator[None]:
    """Have Blender draw no picture for the copy, which takes longer than all the rest."""
    preferences = bpy.context.preferences
    before, dirty = preferences.filepaths.file_preview_type, preferences.is_dirty
    preferences.filepaths.file_preview_type = "NONE"
    try:
        yield
    finally:
        preferences.filepaths.file_preview_type = before
        preferences.is_dirty = dirty


store = Store()
