"""Who may import what in the extension, read from the source."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import ROOT

ADDON = ROOT / "addon"
# numpy and zstandard come with Blender.
BLENDER = {
    "numpy",
    "zstandard",
    "addon_utils",
    "bpy",
    "bmesh",
    "bpy_extras",
    "mathutils",
    "gpu",
    "bl_math",
    "blf",
    "imbuf",
}
MAY_USE_BLENDER = {
    "link/queue/main_thread.py",
    "headless.py",
    "preferences.py",
    "operators.py",
    "panels.py",
    "questions.py",
    "repository.py",
    "session.py",
    "display.py",
    "dots.py",
}
SOURCES = sorted(ADDON.rglob("*.py"))


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ADDON).as_posix())
def test_blender_is_imported_only_where_the_main_thread_works(path: Path) -> None:
    place = path.relative_to(ADDON).as_posix()
    if place not in MAY_USE_BLENDER and not place.startswith("commands/"):
        assert not imported(path) & BLENDER


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ADDON).as_posix())
def test_imports_are_the_standard_library_websockets_or_the_extension_itself(path: Path) -> None:
    assert not imported(path) - sys.stdlib_module_names - BLENDER - {"websockets"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ADDON).as_posix())
def test_files_and_functions_stay_readable(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 55, node.name


def test_protocol_has_no_clock_no_socket_and_no_thread() -> None:
    for name in ("protocol", "frames", "records", "answers", "backoff", "address", "status"):
        found = imported(ADDON / "link" / f"{name}.py")
        assert not found & {"time", "socket", "threading", "asyncio", "websockets", "urllib.request", "ssl"}, name


def test_link_loads_without_blender_and_from_the_bundled_wheel() -> None:
    # -S: no installed packages, so websockets can come from the wheel only.
    code = "import sys; import addon.link.peer, websockets; print(websockets.__file__); assert 'bpy' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert str(ADDON / "wheels" / "websockets-17.4-py3-none-any.whl") in done.stdout


def test_wheel_in_the_manifest_is_the_one_in_the_folder() -> None:
    manifest = tomllib.loads((ADDON / "blender_manifest.toml").read_text(encoding="utf-8"))
    present = {f"./wheels/{path.name}" for path in (ADDON / "wheels").glob("*.whl")}
    assert set(manifest["wheels"]) == present
    assert manifest["id"] == "blender_bus"
    assert manifest["blender_version_min"] == "4.2.0"
    assert manifest["license"] == ["SPDX:GPL-3.0-or-later"]


@pytest.mark.parametrize(
    "tool",
    [
        ["ruff", "check", "addon"],
        ["ruff", "format", "--check", "addon"],
        ["mypy", "--config-file", "addon/pyproject.toml", "addon"],
    ],
    ids=["ruff-check", "ruff-format", "mypy-strict"],
)
def test_extension_is_clean(tool: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *tool], cwd=ROOT, capture_output=True, text=True, timeout=170, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
