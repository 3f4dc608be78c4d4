"""Paths, fixtures, and an exit that survives Blender."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

# Before anything imports bpy: tests must not see, or change, the settings of whoever runs them.
_home = tempfile.TemporaryDirectory(prefix="blender-bus-test-")
os.environ["BLENDER_USER_RESOURCES"] = _home.name

_exit_status = 0


@pytest.fixture
def bpy() -> Iterator[Any]:
    """Real Blender on the factory scene."""
    import bpy

    bpy.ops.wm.read_factory_settings()
    yield bpy


@pytest.fixture
def bus() -> Iterator[Any]:
    """The bus's end of the link on loopback."""
    from bus_double import BusDouble

    with BusDouble() as double:
        yield double


@pytest.fixture
def resources(tmp_path: Path) -> Path:
    """A Blender profile with the extension's folder linked into it."""
    folder = tmp_path / "extensions" / "user_default"
    folder.mkdir(parents=True)
    (folder / "blender_bus").symlink_to(ROOT / "addon")
    return tmp_path


@pytest.fixture
def disk(tmp_path: Path) -> Any:
    """Where exported and imported files go and come from: a folder."""
    from carrying import Disk

    return Disk(tmp_path)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    global _exit_status
    _exit_status = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    if "bpy" in sys.modules:
        # Blender as a module crashes or hangs in its own shutdown.
        sys.stdout.flush()
        sys.stderr.flush()
        _home.cleanup()
        os._exit(_exit_status)
