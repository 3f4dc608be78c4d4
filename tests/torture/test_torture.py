"""A short torture run; `npm run torture` makes long ones."""

from __future__ import annotations

import random
from pathlib import Path

from torture.run import torture


async def test_every_accepted_job_ends_once_through_kills_drops_and_evictions(tmp_path: Path) -> None:
    seed = random.SystemRandom().getrandbits(32)
    ledger, table = await torture(tmp_path / "workerd", seconds=20, seed=seed, kills=3)
    print(f"seed {seed}\n{table}")
    assert len(ledger.jobs) > 200
    assert ledger.faults == [], f"npm run torture -- --minutes 0.34 --kills 3 --seed {seed}"
