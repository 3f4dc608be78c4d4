"""Faults of the machine that a server runs on, by a library that is loaded into the runtime: see faults.rs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from .workerd import Workerd

SOURCE = Path(__file__).with_name("faults.rs")
needs_faults = pytest.mark.skipif(sys.platform != "linux", reason="faults are made by LD_PRELOAD")


@cache
def _library() -> str:
    library = str(Path(mkdtemp(prefix="bus-faults-")) / "libfaults.so")
    subprocess.run(
        ["rustc", "--edition", "2024", "-O", "--crate-type", "cdylib", "-o", library, str(SOURCE)], check=True
    )
    return library


def set_clock(server: Workerd, seconds: float) -> None:
    """From its next start on, the clock of the server is wrong by so many seconds."""
    server.environment = {"LD_PRELOAD": _library(), "CLOCK_OFFSET_SECONDS": str(round(seconds))}


def move_clock(server: Workerd, seconds: float) -> None:
    """Restarts the server with a clock that is wrong by so many seconds."""
    set_clock(server, seconds)
    server.restart()


class Disk:
    """The disk of a server, which is restarted for it."""

    def __init__(self, server: Workerd) -> None:
        self._marker = server.folder / "disk-full"
        server.environment = {"LD_PRELOAD": _library(), "DISK_FULL": str(self._marker)}
        server.restart()

    @contextmanager
    def full(self) -> Iterator[None]:
        """Nothing can be written."""
        self._marker.touch()
        try:
            yield
        finally:
            self._marker.unlink()
