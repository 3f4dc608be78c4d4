"""A file is never in memory as a whole."""

from __future__ import annotations

from pathlib import Path

from .memory import measure
from .shelf import MIB

MOST = 32 * MIB


def test_a_large_file_goes_through_without_filling_memory(tmp_path: Path, store: str) -> None:
    found = measure(tmp_path / "workerd", store, 80)
    up, down = found.up_growth, found.down_growth
    if store == "r2":
        # The bucket is simulated in the same process, and holds the parts of what is read: what it takes is not ours.
        bare = measure(tmp_path / "bare", store, 80, bare=True)
        up, down = up - bare.up_growth, down - bare.down_growth
    assert up < MOST and down < MOST, found
