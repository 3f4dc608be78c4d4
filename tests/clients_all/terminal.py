"""A program at a terminal of its own, for what can only be typed."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import termios
from pathlib import Path
from types import TracebackType
from typing import Self

CONTROLS = re.compile(r"\x1b(?:\[[0-9;?<>=]*[A-Za-z]|\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[()][A-Z0-9]|[=>])")
ROWS, COLUMNS = 50, 160


class Terminal:
    """Runs a program with what it prints in `text`, without what moves the cursor; use as a context manager."""

    def __init__(self, command: tuple[str, ...], env: dict[str, str], cwd: Path) -> None:
        self._command, self._cwd = command, cwd
        self._env = {**env, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
        self.text = ""

    async def __aenter__(self) -> Self:
        self._end, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=other,
            stdout=other,
            stderr=other,
            env=self._env,
            cwd=self._cwd,
            start_new_session=True,
        )
        os.close(other)
        asyncio.get_running_loop().add_reader(self._end, self._read)
        return self

    def _read(self) -> None:
        try:
            data = os.read(self._end, 65_536)
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._end)
        self.text += CONTROLS.sub("", data.decode(errors="replace"))

    async def until(self, words: str, seconds: float) -> None:
        """Waits for words that the program prints, or has printed."""
        for _ in range(int(seconds * 10)):
            if words in self.text:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"no {words!r} in {self.text[-4000:]}")

    async def enter(self, line: str) -> None:
        """Types a line as a person does, since what comes at once is taken for pasted text."""
        for key in line:
            os.write(self._end, key.encode())
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        os.write(self._end, b"\r")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._end)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        os.close(self._end)
