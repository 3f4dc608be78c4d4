"""Uploads with published tus clients, stopped in the middle and gone on with."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from .shelf import MIB, Shelf, noise, sha256

HERE = Path(__file__).parent
DATA = noise(3 * MIB + 321, seed=20)


@pytest.mark.parametrize(
    ("program", "script"),
    [(os.environ.get("BUS_TUS_PYTHON", ""), "upload_tus.py"), ("node", "upload_tus.mjs")],
    ids=["tuspy", "tus-js-client"],
)
def test_a_published_client_uploads_in_parts_and_goes_on(
    shelf: Shelf, tmp_path: Path, program: str, script: str
) -> None:
    assert program, "BUS_TUS_PYTHON names the environment of tests/requirements/tus.txt"
    file = tmp_path / "a.glb"
    file.write_bytes(DATA)
    command = [program, str(HERE / script), f"{shelf.url}/files", shelf.token, str(file), str(MIB)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    file_id = ran.stdout.strip().rsplit("/", 1)[1]
    stored = shelf.call("blender_get_file", file_id=file_id)
    assert (stored["name"], stored["sha256"]) == ("größe.glb", sha256(DATA))
    assert shelf.get(file_id).content == DATA
