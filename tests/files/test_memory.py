"""A file is never in memory as a whole."""

from __future__ import annotations

from pathlib import Path

from .memory import measure
from .shelf import MIB

MOST = 32 * MIB


def test_a_large_file_goes_through_without_filling_memory(tmp_path: Path, store: str) -> None:
    found = measure(tmp_path / "workerd", store, 80)
    assert found.up_growth < MOST and found.down_growth < MOST, found
