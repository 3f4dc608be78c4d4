"""`npm run serve` in the place of the bare runtime: killed as a power cut or a careless administrator kills it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from harness.workerd import ROOT
from test_runtime import children_of, environment, free_port

START_SECONDS = 30.0


class Served:
    """What the torture run asks of a server. Every other kill takes the script alone, and the runtime has to follow."""

    def __init__(self, folder: Path) -> None:
        self.port, self.log, self.kills = free_port(), folder / "serve.log", 0
        options = ["--demo", "--port", str(self.port), "--state", str(folder / "state")]
        self.command = ["node", str(ROOT / "scripts" / "serve.mjs"), *options]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://localhost:{self.port}/ws"

    def start(self) -> None:
        """Starts it until it runs, as a service manager does: right after a kill the port may still be taken."""
        give_up = time.monotonic() + START_SECONDS
        while True:
            with self.log.open("ab") as log:
                streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
                self.process = subprocess.Popen(self.command, cwd=ROOT, env=environment(), **streams)
            while self.process.poll() is None:
                with contextlib.suppress(httpx.TransportError):
                    # The process before this one may still answer: then this one is about to end.
                    if httpx.get(f"{self.url}/health", timeout=5).status_code == 200 and self._is_up():
                        return
                time.sleep(0.1)
            if time.monotonic() > give_up:
                raise RuntimeError(self.log.read_text(errors="replace")[-2000:])
            time.sleep(0.2)

    def _is_up(self) -> bool:
        return self.log.read_text(errors="replace").count("Blender Bus serves") > self.kills

    def kill(self) -> None:
        assert self.process is not None, "not started"
        below = children_of(self.process.pid) if self.kills % 2 else set()
        self.kills += 1
        for pid in (self.process.pid, *below):
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    def evict(self) -> None:
        """Only the bare runtime of the tests can be asked to."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
