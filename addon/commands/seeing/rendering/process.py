"""Start the second Blender, follow what it says, and end it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any

import bpy

from .child import MARK

_SAMPLE = re.compile(r"Sample (\d+)\s*/\s*(\d+)")
_TILE = re.compile(r"Rendered (\d+)/(\d+) Tiles")
KEPT_LINES = 12
# Scripts of the file may print what looks like a note.
MAX_NOTES, MAX_NOTE = 5, 500
SECRETS = "BLENDER_BUS_"


class Renderer:
    """A process that renders. A thread reads what it says; `done`, `error` and `part` are looked at by others.

    `job` says what; the frames come into `folder`.
    """

    def __init__(self, job: Path, folder: Path) -> None:
        self._folder = folder
        child = os.fspath(Path(__file__).with_name("child.py"))
        binary = bpy.app.binary_path
        start = (
            [binary, "-b", "--python-exit-code", "1", "--python", child, "--"] if binary else [sys.executable, child]
        )
        environment = {name: value for name, value in os.environ.items() if not name.startswith(SECRETS)}
        self.done: list[dict[str, Any]] = []
        self.error = ""
        self.notes: list[str] = []
        # Of the frame that is being rendered, from 0 to 1, and in words.
        self.part, self.words = 0.0, "starts"
        self._last: deque[str] = deque(maxlen=KEPT_LINES)
        # Its stdin is a leash: it ends when that closes, however this Blender ends.
        self._process = subprocess.Popen(  # noqa: S603 (this very Blender)
            [*start, os.fspath(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=job.parent,
        )
        self._reader = threading.Thread(target=self._read, name="blender-bus-render", daemon=True)
        self._reader.start()

    @property
    def has_ended(self) -> bool:
        """Tell whether it has ended and all that it said was read."""
        return self._process.poll() is not None and not self._reader.is_alive()

    @property
    def failure(self) -> str:
        """Return why it has not rendered all; empty if it has."""
        if self.error:
            return self.error
        code = self._process.poll()
        return "" if code == 0 else f"the rendering Blender ended with {code}: {' | '.join(self._last)[-800:]}"

    def end(self) -> None:
        """End it now, if it has not ended."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _read(self) -> None:
        try:
            for raw in self._process.stdout or ():
                self._take(raw.decode("utf-8", "replace").strip())
        except ValueError:
            # Closed meanwhile.
            return

    def _take(self, line: str) -> None:
        if line.startswith(MARK) and self._is_news(line.removeprefix(MARK)):
            return
        if line:
            self._last.append(line)
        found = _SAMPLE.search(line) or _TILE.search(line)
        if found and int(found[2]):
            self.part = min(1.0, int(found[1]) / int(found[2]))
            self.words = f"{self.words.partition(',')[0]}, {found[0].lower()}"

    def _is_news(self, text: str) -> bool:
        """Take what the child tells; False for what is none of it: scripts of the file print there too."""
        try:
            news = json.loads(text)
        except (ValueError, RecursionError):
            return False
        match news:
            case {"error": str(error)}:
                self.error = error
            case {"frame": int(frame), "file": str(file)} if Path(file).parent == self._folder:
                self.done.append({"frame": frame, "file": file})
                self.part = 0.0
            case {"note": str(note)} if len(self.notes) < MAX_NOTES:
                self.notes.append(note[:MAX_NOTE])
            case {"begins": int(frame)}:
                self.part, self.words = 0.0, f"frame {frame}"
            case _:
                return False
        return True
