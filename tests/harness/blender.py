"""A real Blender as a headless peer: the add-on on the `bpy` module, in a process of its own.

`BUS_BPY_PYTHON` names the interpreter that has bpy; `npm test` sets it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
READY = "[peer] waiting for jobs..."


class HeadlessBlender:
    """`python -m addon`, from its start to its end. Its output is kept in a file."""

    def __init__(
        self,
        server_url: str,
        folder: Path,
        *,
        uuid: str,
        username: str = "demo",
        password: str = "demo",
        options: Sequence[str] = (),
    ) -> None:
        interpreter = os.environ.get("BUS_BPY_PYTHON")
        if not interpreter:
            pytest.fail("BUS_BPY_PYTHON must name a Python that has bpy; `npm test` sets it")
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / f"{uuid}.log"
        self.command = [
            interpreter,
            "-u",
            "-m",
            "addon",
            "--server",
            server_url,
            "--uuid",
            uuid,
            "--username",
            username,
            *options,
        ]
        home = str(folder)
        quiet = {"HOME": home, "XDG_CACHE_HOME": home, "BLENDER_USER_RESOURCES": home}
        self.environment = {**os.environ, **quiet, "BLENDER_BUS_PASSWORD": password}
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None:
            print(self.log.read_text(), file=sys.stderr)
        self.kill()

    def start(self) -> None:
        """Starts Blender and waits until the bus has it."""
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        deadline = time.monotonic() + START_SECONDS
        while READY not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"Blender did not come up:\n{self.log.read_text()}")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL, as a crash would have it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
