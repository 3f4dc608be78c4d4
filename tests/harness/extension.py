"""Blender with a profile of its own, to drive the extension as its user does: by operators and properties."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from .blender import ROOT, blender_interpreter

SECONDS = 90.0
MODULE = "bl_ext.user_default.blender_bus"

# Timers do not fire without a window: this turns the crank, and in between does what it is told. A line of input is a
# Python expression as JSON; its value is printed as JSON. The extension stays as quick as in a Blender with a window.
DRIVER = f"""
import json, os, select, sys, threading, time
import bpy, addon_utils
bpy.context.preferences.system.use_online_access = True
assert addon_utils.enable({MODULE!r}, default_set=True) is not None
prefs = bpy.context.preferences.addons[{MODULE!r}].preferences
from {MODULE}.preferences import session
prefs.server_url = sys.argv[1]

def disable():
    addon_utils.disable({MODULE!r}, default_set=True)

def threads():
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("blender-bus"))

def press(name):
    try:
        return list(getattr(bpy.ops.blender_bus, name)())
    except RuntimeError as error:
        return str(error)

pending = b""
while True:
    ready, _, _ = select.select([0], [], [], 0.01)
    if session._stop_timer is not None:
        session._tick()
    if ready:
        data = os.read(0, 65536)
        if not data:
            os._exit(0)
        pending += data
        while b"\\n" in pending:
            line, pending = pending.split(b"\\n", 1)
            print(json.dumps({{"value": eval(json.loads(line))}}, default=repr), flush=True)
"""


class ScriptedBlender:
    """A script in a Blender of a version, with a folder as its profile, between its start and its end."""

    def __init__(self, version: str, profile: Path, script: str, *arguments: str) -> None:
        self._command = (str(blender_interpreter(version)), "-c", script, *arguments)
        self._profile = profile
        self._printed = b""
        self.process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        home = str(self._profile)
        self.process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=home,
            env={**os.environ, "HOME": home, "XDG_CACHE_HOME": home, "BLENDER_USER_RESOURCES": home},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()

    @property
    def printed(self) -> str:
        """What it has printed so far, as far as it was read."""
        return self._printed.decode(errors="replace")

    def write(self, line: str = "") -> None:
        """One line on its input."""
        assert self.process is not None and self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())

    async def said(self) -> Any:
        """The next JSON object it prints, between whatever Blender prints."""
        assert self.process is not None and self.process.stdout is not None
        async with asyncio.timeout(SECONDS):
            while line := await self.process.stdout.readline():
                self._printed += line
                if line.startswith(b"{"):
                    return json.loads(line)
        pytest.fail(f"Blender ended with {await self.process.wait()}:\n{self.printed}")

    async def has_printed(self, text: str) -> None:
        """Wait until it has printed this."""
        assert self.process is not None and self.process.stdout is not None
        async with asyncio.timeout(SECONDS):
            while text not in self.printed:
                if not (line := await self.process.stdout.readline()):
                    pytest.fail(f"Blender ended with {await self.process.wait()}:\n{self.printed}")
                self._printed += line


def link_extension(profile: Path) -> None:
    """Have a profile find this repository's extension, as if it were installed."""
    extensions = profile / "extensions" / "user_default"
    extensions.mkdir(parents=True)
    (extensions / "blender_bus").symlink_to(ROOT / "addon")


class ExtendedBlender(ScriptedBlender):
    """Blender with the extension of this repository switched on, as its user has it in front of them."""

    def __init__(self, version: str, profile: Path, server_url: str) -> None:
        link_extension(profile)
        super().__init__(version, profile, DRIVER, server_url)

    async def ask(self, expression: str) -> Any:
        """The value of a Python expression over `bpy`, `prefs`, `session`, `press`, `disable` and `threads`."""
        self.write(json.dumps(expression))
        return (await self.said())["value"]

    async def put(self, name: str, value: Any) -> None:
        """Set a property of the extension's preferences."""
        await self.ask(f"setattr(prefs, {name!r}, {value!r})")

    async def until(self, expression: str, seconds: float = 30.0) -> Any:
        """Wait until an expression is true; return its value."""
        end = asyncio.get_running_loop().time() + seconds
        while not (value := await self.ask(expression)):
            if asyncio.get_running_loop().time() > end:
                pytest.fail(f"{expression} did not come true; the link: {await self.ask('repr(session.status)')}")
            await asyncio.sleep(0.02)
        return value

    async def connect(self, token: str) -> None:
        """Paste a token and press Connect."""
        await self.put("token", token)
        assert await self.ask("press('connect')") == ["FINISHED"]
        await self.until("session.status.message == 'Connected'")
