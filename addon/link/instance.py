"""One name for each Blender that runs, though several share their preferences (no bpy).

Each name is held by a lock on a file, which the system releases when its process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import IO

MAX_INSTANCES = 100


class InstanceName:
    """The name this process holds: the preferences' uuid for the first Blender, `uuid-2` for the second."""

    def __init__(self) -> None:
        self._base = ""
        self._name = ""
        self._file: IO[bytes] | None = None

    def hold(self, base: str, folder: Path) -> str:
        """Return this process's name made from `base`; the same one as long as it runs."""
        if self._file is not None and self._base == base:
            return self._name
        self.release()
        for number in range(1, MAX_INSTANCES + 1):
            name = base if number == 1 else f"{base}-{number}"
            file = _locked(folder / f"{name.replace(':', '_')}.lock")
            if file is not None:
                self._base, self._name, self._file = base, name, file
                return name
        # Nothing can be locked here, such as on a read-only disk.
        return base

    def release(self) -> None:
        """Give the name back."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _locked(path: Path) -> IO[bytes] | None:
    """Return the open, locked file; None if another process has it, or if it cannot be had."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
        try:
            _lock(file)
        except OSError:
            file.close()
            return None
        return file
    return None


def _lock(file: IO[bytes]) -> None:
    if os.name == "nt":
        import msvcrt

        file.seek(0)
        getattr(msvcrt, "locking")(file.fileno(), getattr(msvcrt, "LK_NBLCK"), 1)  # noqa: B009
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
