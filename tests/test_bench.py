"""The benchmark still measures what it says: its figures are for people to read, and none is judged here."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
SIDES = ["dispatch", "acknowledged", "fastmcp", "rows"]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["node", "bench/run.mjs", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180)


def test_a_round_gives_ratios_for_every_side(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    run = bench("--rounds", "1", "--state", str(tmp_path), "--json", str(file))
    assert run.returncode == 0, run.stdout + run.stderr
    figures = json.loads(file.read_text())
    assert list(figures) == [f"{side}_{figure}_ratio" for side in SIDES for figure in ("p50", "throughput")]
    assert all(figure > 0 for figure in figures.values())
    assert [name for name in ("dispatch", "FastMCP", "echo only") if name not in run.stdout] == []
    assert [left.name for left in tmp_path.iterdir()] == [file.name]


def test_a_wrong_number_of_rounds_is_named() -> None:
    run = bench("--rounds", "many")
    assert run.returncode != 0 and "--rounds must be a whole number from 1, got many" in run.stderr
