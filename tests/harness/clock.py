"""A server whose clock is wrong: the time of day moved by a library that is loaded into the runtime."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from .workerd import Workerd

SOURCE = Path(__file__).with_name("clock.rs")
needs_clock = pytest.mark.skipif(sys.platform != "linux", reason="the clock is moved by LD_PRELOAD")


@cache
def _library() -> Path:
    library = Path(mkdtemp(prefix="bus-clock-")) / "libclock.so"
    command = ["rustc", "--edition", "2024", "-O", "--crate-type", "cdylib", "-o", str(library), str(SOURCE)]
    subprocess.run(command, check=True)
    return library


def move(server: Workerd, seconds: float) -> None:
    """Restarts the server with a clock that is wrong by so many seconds."""
    server.environment = {"LD_PRELOAD": str(_library()), "CLOCK_OFFSET_SECONDS": str(round(seconds))}
    server.restart()
