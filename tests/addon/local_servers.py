"""Environments for the published servers, in the user's cache folder, one for each content of what is pinned."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements-local-servers.txt")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "blender-bus" / "local-servers"
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")


def interpreter() -> Path:
    """Return the Python that has what the servers need, made on first use."""
    digest = hashlib.sha256(sys.version.encode() + REQUIREMENTS.read_bytes()).hexdigest()[:12]
    folder = CACHE / f"venv-{digest}"
    if not folder.exists():
        _made(folder, [sys.executable, "-m", "venv", "{}"], ["{}/bin/python", *PIP, "-r", str(REQUIREMENTS)])
    return folder / "bin" / "python"


def server(*pins: str) -> Path:
    """Return the folder with the packages `pins`, installed on first use."""
    folder = CACHE / "-".join(pins).replace("==", "-")
    if not folder.exists():
        _made(folder, [str(interpreter()), *PIP, "--target", "{}", *pins])
    return folder


def _made(folder: Path, *commands: list[str]) -> None:
    """Run the commands for a folder that takes its name when it is complete; virtual environments may be moved."""
    CACHE.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="making-", dir=CACHE))
    try:
        for command in commands:
            filled = [part.replace("{}", str(made)) for part in command]
            subprocess.run(filled, check=True, timeout=300, capture_output=True, text=True)
        try:
            made.rename(folder)
        except OSError:
            # Another run was faster.
            if not folder.exists():
                raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
