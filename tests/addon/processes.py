"""Start and end programs of the extension."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

from conftest import ROOT


class Program:
    """A child process whose output is read as it comes; use as a context manager."""

    def __init__(self, *arguments: str, env: dict[str, str] | None = None, cwd: Path = ROOT) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("BLENDER_BUS")}
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=cwd,
            env={**inherited, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        self.output: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output.append(line)
            self.lines.put(line.rstrip("\n"))

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self._reader.join(10)

    def until(self, start: str, timeout: float = 60.0) -> str:
        """Wait for a line that begins with `start`."""
        while True:
            line = self.lines.get(timeout=timeout)
            if line.startswith(start):
                return line

    def ended(self, timeout: float = 20.0) -> int:
        """Wait for the end and return the exit status."""
        status = self.process.wait(timeout)
        self._reader.join(10)
        return status

    @property
    def text(self) -> str:
        return "".join(self.output)
