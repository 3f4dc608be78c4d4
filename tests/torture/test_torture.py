"""A short torture run, and peers that misbehave; `npm run torture` makes long ones."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from harness.workerd import Workerd

from torture import neighbours
from torture.run import torture


async def test_every_accepted_job_ends_once_through_kills_drops_and_evictions(tmp_path: Path) -> None:
    seed = random.SystemRandom().getrandbits(32)
    ledger, table = await torture(tmp_path / "workerd", seconds=20, seed=seed, kills=3)
    print(f"seed {seed}\n{table}")
    assert len(ledger.jobs) > 200
    assert ledger.faults == [], f"npm run torture -- --minutes 0.34 --kills 3 --seed {seed}"


@pytest.mark.parametrize("case", neighbours.CASES, ids=lambda case: case.__name__)
async def test_a_peer_that_misbehaves_is_closed_or_refused_and_costs_nobody_else_a_call(
    server: Workerd, case: neighbours.Case
) -> None:
    told = await neighbours.beside(server, case)
    assert len(told.calls) > 5
    assert told.failed == 0
    assert told.said in neighbours.SAID[case.__name__]
    assert told.memory_mib < 512
    assert neighbours.closed_by_failure(server) == []
