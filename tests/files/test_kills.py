"""A few transfers of the script that runs hundreds."""

from __future__ import annotations

import random
from pathlib import Path

from .kills import Kills


def test_what_was_acknowledged_outlives_every_kill_and_nothing_else_is_left(tmp_path: Path, store: str) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    record = Kills(tmp_path / "workerd", store, seed).run(20)
    assert record.faults == []
    assert record.transfers >= 20
