"""Start an example in a process of its own, and tell what it printed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BROWSER = ROOT / "tests" / "harness" / "browser.py"
SECONDS = 150


@asynccontextmanager
async def started(
    script: str, *arguments: str, environment: Mapping[str, str] | None = None, folder: Path = ROOT
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Python script of the repository, run in a folder; where it opens a browser, the scripted one signs in."""
    browser = {"BROWSER": f"{sys.executable} {BROWSER} %s", "PYTHONUNBUFFERED": "1"}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / script),
        *arguments,
        cwd=folder,
        env={**os.environ, **browser, **(environment or {})},
        stdin=pipe,
        stdout=pipe,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def finished(process: asyncio.subprocess.Process, typed: str = "") -> str:
    """What it printed to its end; `typed` is its input."""
    output, _ = await asyncio.wait_for(process.communicate(typed.encode()), SECONDS)
    return output.decode()


async def run(
    script: str,
    *arguments: str,
    typed: str = "",
    status: int = 0,
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
) -> str:
    """Runs a script to its end, which has to be of this exit status, and returns what it printed."""
    async with started(script, *arguments, environment=environment, folder=folder) as process:
        output = await finished(process, typed)
    assert process.returncode == status, output
    return output


async def read_until(process: asyncio.subprocess.Process, text: str, seconds: float = 30) -> str:
    """Reads until this text was there and returns all that was read."""
    assert process.stdout is not None
    read = ""
    async with asyncio.timeout(seconds):
        while text not in read:
            piece = await process.stdout.read(1024)
            assert piece, f"ended without {text!r}:\n{read}"
            read += piece.decode(errors="replace")
    return read
