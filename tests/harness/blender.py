"""A real Blender as a headless peer: the add-on on the `bpy` module, in a process of its own.

`npm test` says which interpreters have bpy, and with it Blender; see `BLENDERS`.
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
# Blender's version -> the environment variable that names a Python with its module.
BLENDERS = {"4.2": "BUS_BPY_PYTHON", "4.5": "BUS_BPY45_PYTHON", "5.0": "BUS_BPY50_PYTHON"}

# `python -m addon` with the addresses of asset services replaced by one on this computer.
REPLAYED = """
from addon.fetch import http, polyhaven, rodin, sketchfab
http.allow_plain_http = True
polyhaven.API, rodin.MAIN_API, sketchfab.API = "{0}", "{0}/api/v2", "{0}/v3"
from addon.headless import main
main()
"""


def blender_interpreter(version: str) -> Path:
    """The Python that can `import bpy` as this Blender."""
    if not (interpreter := os.environ.get(BLENDERS[version])):
        pytest.fail(f"set {BLENDERS[version]} to a Python with bpy {version}, or let `npm test -- e2e` do it")
    return Path(interpreter)


class HeadlessBlender:
    """`python -m addon`, from its start to its end. Its output is kept in a file.

    `services` is the address of a double of the asset services, which are then all switched on, with keys.
    """

    def __init__(
        self,
        server_url: str,
        folder: Path,
        *,
        uuid: str,
        username: str = "demo",
        password: str = "demo",
        version: str = "4.2",
        services: str | None = None,
        options: Sequence[str] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / f"{uuid}.log"
        program = ["-m", "addon"] if services is None else ["-c", REPLAYED.format(services)]
        arguments = ["--server", server_url, "--uuid", uuid, "--username", username]
        if services is not None:
            arguments += ["--integrations", "polyhaven,hyper3d,sketchfab,hunyuan3d"]
        self.command = [str(blender_interpreter(version)), "-u", *program, *arguments, *options]
        home = str(folder)
        quiet = {"HOME": home, "XDG_CACHE_HOME": home, "BLENDER_USER_RESOURCES": home}
        keys = {"BLENDER_BUS_HYPER3D_KEY": "rodin-key", "BLENDER_BUS_SKETCHFAB_KEY": "sketchfab-key"}
        if services is not None:
            keys["BLENDER_BUS_HUNYUAN3D_ADDRESS"] = services
        self.environment = {**os.environ, **quiet, **keys, "BLENDER_BUS_PASSWORD": password}
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
