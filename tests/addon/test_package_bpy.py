"""The built zip and repository: reproducible, valid for Blender, installed from disk by Blender's own command."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from processes import Program

pytestmark = pytest.mark.bpy

BUILD = ROOT / "scripts" / "build-addon.py"


def build(folder: Path, *arguments: str, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-S", str(root / "scripts" / BUILD.name), "--output", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def built(folder: Path, *arguments: str) -> Path:
    done = build(folder, *arguments)
    assert done.returncode == 0, done.stderr
    return folder


def blender_ext(*arguments: str) -> subprocess.CompletedProcess[str]:
    import bpy

    tool = Path(bpy.utils.system_resource("SCRIPTS")) / "addons_core/bl_pkg/cli/blender_ext.py"
    return subprocess.run(
        [sys.executable, str(tool), *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_zip_is_small_and_holds_no_development_files(tmp_path: Path) -> None:
    path = built(tmp_path) / "addon.zip"
    assert path.stat().st_size < 600_000
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert names == sorted(names)
    assert {"wheels/websockets-17.4-py3-none-any.whl", "LICENSE", "__init__.py", "blender_manifest.toml"} <= set(names)
    assert not [name for name in names if "pyproject" in name or "__pycache__" in name or name.startswith(".")]


def test_another_clone_with_other_times_and_leftovers_gives_the_same_bytes(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(ROOT / "addon", clone / "addon", ignore=shutil.ignore_patterns("__pycache__"))
    (clone / "scripts").mkdir()
    shutil.copy(BUILD, clone / "scripts")
    for path in clone.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    (clone / "addon" / "link" / "__pycache__").mkdir()
    (clone / "addon" / "link" / "__pycache__" / "x.pyc").write_bytes(b"x")
    (clone / "addon" / ".mypy_cache").mkdir()
    (clone / "addon" / ".mypy_cache" / "y.json").write_bytes(b"y")
    assert build(tmp_path / "theirs", root=clone).returncode == 0
    ours = built(tmp_path / "ours")
    for name in ("addon.zip", "extensions/addon.zip", "extensions/index.json"):
        assert (ours / name).read_bytes() == (tmp_path / "theirs" / name).read_bytes(), name


def test_links_and_odd_versions_are_refused(tmp_path: Path) -> None:
    assert "must be like 1.2.3" in build(tmp_path, "--version", "new").stderr
    clone = tmp_path / "clone"
    shutil.copytree(ROOT / "addon", clone / "addon")
    (clone / "scripts").mkdir()
    shutil.copy(BUILD, clone / "scripts")
    (clone / "addon" / "passwd").symlink_to("/etc/passwd")
    assert "is a link" in build(tmp_path / "out", root=clone).stderr


def test_blender_s_own_validator_accepts_the_zip_and_the_folder(bpy: Any, tmp_path: Path) -> None:
    for path in (built(tmp_path) / "addon.zip", ROOT / "addon"):
        done = blender_ext("validate", str(path))
        assert done.returncode == 0, done.stdout + done.stderr


def test_zip_holds_what_blender_s_own_builder_takes(bpy: Any, tmp_path: Path) -> None:
    done = blender_ext("build", f"--source-dir={ROOT / 'addon'}", f"--output-dir={tmp_path}")
    assert done.returncode == 0, done.stdout + done.stderr
    [path] = tmp_path.glob("*.zip")
    with zipfile.ZipFile(path) as theirs, zipfile.ZipFile(built(tmp_path) / "addon.zip") as ours:
        assert set(theirs.namelist()) == set(ours.namelist())


def test_index_is_the_one_blender_s_own_generator_writes(bpy: Any, tmp_path: Path) -> None:
    folder = built(tmp_path) / "extensions"
    ours = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    assert blender_ext("server-generate", f"--repo-dir={folder}").returncode == 0
    assert ours == json.loads((folder / "index.json").read_text(encoding="utf-8"))
    archive = (folder / "addon.zip").read_bytes()
    [entry] = ours["data"]
    assert (entry["id"], entry["archive_size"]) == ("blender_bus", len(archive))
    assert entry["archive_hash"] == f"sha256:{hashlib.sha256(archive).hexdigest()}"


DROPPED = """
import os, sys, bpy
bpy.ops.extensions.package_install_files(filepath=sys.argv[1], repo="user_default", enable_on_install=True)
print(sorted(name for name in bpy.context.preferences.addons.keys() if "blender_bus" in name), flush=True)
print(type(bpy.ops.blender_bus.connect).__name__, flush=True)
os._exit(0)
"""


def test_dropped_zip_installs_in_a_fresh_profile(tmp_path: Path) -> None:
    path = built(tmp_path) / "addon.zip"
    profile = tmp_path / "profile"
    profile.mkdir()
    with Program("-c", DROPPED, str(path), env={"BLENDER_USER_RESOURCES": str(profile)}, cwd=tmp_path) as program:
        assert program.ended(60) == 0, program.text
        assert "['bl_ext.user_default.blender_bus']" in program.text
        assert (profile / "extensions" / "user_default" / "blender_bus" / "wheels").is_dir()
