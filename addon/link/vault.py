"""Where a login is kept: the system's keyring where Python has one at hand, else a file that only its user can read.

No bpy. Blender's own preferences file is written by Blender, with the permissions of any file.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import stat
from pathlib import Path
from typing import Any

SERVICE = "Blender Bus"
FILE = "login.json"
MAX_BYTES = 65_536
OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Vault:
    """One text, kept for the user of this computer. The main thread uses it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._account = str(folder)
        self._keyring = system_keyring()
        self._read: tuple[float, str] = (-1.0, "")

    @property
    def where(self) -> str:
        """Return where the text is kept, in words."""
        return "this system's keyring" if self._keyring is not None else str(self._path)

    @property
    def problem(self) -> str:
        """Return in words what is wrong with the place, or nothing."""
        return exposed(self._path)

    def read(self) -> str:
        """Return the text, empty if there is none."""
        if self._keyring is not None and self._read[0] < 0.0:
            with contextlib.suppress(Exception):
                # Backends raise what they like.
                self._read = (0.0, self._keyring.get_password(SERVICE, self._account) or "")
        if self._keyring is not None and self._read[1]:
            return self._read[1]
        return self._from_file()

    def write(self, text: str) -> None:
        """Keep `text`; empty forgets it. Raises OSError if it cannot be kept."""
        if self._keyring is not None:
            try:
                self._in_keyring(text)
            except Exception:
                # Locked, or gone: from now on the file serves.
                self._keyring = None
            else:
                self._path.unlink(missing_ok=True)
                return
        self._read = (-1.0, "")
        if not text:
            self._path.unlink(missing_ok=True)
            return
        write_private(self._path, text)

    def _in_keyring(self, text: str) -> None:
        if text:
            self._keyring.set_password(SERVICE, self._account, text)
        elif self._keyring.get_password(SERVICE, self._account) is not None:
            self._keyring.delete_password(SERVICE, self._account)
        self._read = (0.0, text)

    def _from_file(self) -> str:
        try:
            changed = self._path.stat().st_mtime
            if changed != self._read[0]:
                with self._path.open(encoding="utf-8") as file:
                    self._read = (changed, file.read(MAX_BYTES))
        except (OSError, ValueError):
            return ""
        return self._read[1]


def system_keyring() -> Any:
    """Return the module `keyring` if it is installed and a real keyring is behind it, else None."""
    try:
        module = importlib.import_module("keyring")
        return module if module.get_keyring().priority >= 1 else None
    except Exception:
        # A broken installation is none; what it raises is not known here.
        return None


def write_private(path: Path, text: str) -> None:
    """Write a file that only its user can read, whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def tighten(path: Path) -> None:
    """Take the permissions of others off a file, as far as the system lets it."""
    if exposed(path):
        with contextlib.suppress(OSError):
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~OTHERS)


def exposed(path: Path) -> str:
    """Return in words that others can read a file, or nothing. Windows tells it in another way."""
    with contextlib.suppress(OSError):
        if os.name == "posix" and path.stat().st_mode & OTHERS:
            return f"Other users of this computer may be able to read {path}"
    return ""
