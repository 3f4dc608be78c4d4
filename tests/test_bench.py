"""The benchmarks still measure what they say: their figures are for people to read, and none is judged here."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SIDES = ["dispatch", "acknowledged", "asked", "fastmcp", "echo"]
GROWN = ["control", "clients", "jobs", "list", "list_running", "list_failed", "sockets", "users", "lists"]
SHARES = ["network", "bus", "waiting", "work", "answer"]
# What each part tells, and which of it has a goal.
PARTS = {
    "growth": ({f"growth_{what}_p50_ratio" for what in GROWN}, {f"growth_{what}_p50_ratio" for what in GROWN}),
    "memory": (
        {f"memory_{what}" for what in ("bus_mib", "bus_evicted_mib", "peer_awake_kib", "peer_kib", "wasm_mib")}
        | {f"memory_{what}" for what in ("bare_socket_kib", "wasm_of_buses_mib", "wasm_of_peers_mib", "process_mib")},
        {"memory_bus_mib", "memory_peer_kib"},
    ),
    "cold": (
        {f"cold_{side}{since}_ratio" for side in ("", "compiled_", "asked_") for since in ("process", "isolate")},
        {"cold_process_ratio", "cold_isolate_ratio"},
    ),
    "blender": (
        {"blender_headless_wait_ms", "blender_window_wait_ms", "blender_wait_turns"}
        | {f"blender_{m}_{c}_{s}_share" for m in ("headless", "window") for c in ("look", "code") for s in SHARES},
        {"blender_wait_turns"},
    ),
}


def test_the_bench_that_asks_what_a_dispatch_asks_uses_the_bus_s_statements() -> None:
    def one_line(text: str) -> str:
        return re.sub(r"\s+", " ", text)

    rows = one_line((ROOT / "durable/bus/src/rows/jobs.rs").read_text())
    statements = re.findall(r"const \w+ = `((?:INSERT|UPDATE).*?)`", (ROOT / "bench/asks.js").read_text(), re.DOTALL)
    assert len(statements) == 2
    for statement in statements:
        assert f'"{one_line(statement)}"' in rows


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["node", "bench/run.mjs", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180)


def test_a_round_gives_ratios_for_every_side(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    run = bench("--rounds", "1", "--scale", "0.1", "--state", str(tmp_path), "--json", str(file))
    assert run.returncode == 0, run.stdout + run.stderr
    figures = json.loads(file.read_text())
    assert set(figures.pop("goals")) == {"dispatch_p50_ratio", "dispatch_cpu_ratio"}
    assert list(figures) == [f"{side}_{figure}_ratio" for side in SIDES for figure in ("p50", "throughput", "cpu")]
    assert all(figure > 0 for figure in figures.values())
    assert [name for name in ("dispatch", "FastMCP", "echo only") if name not in run.stdout] == []
    assert [left.name for left in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize("part", PARTS)
def test_a_part_gives_its_figures_and_their_goals(part: str, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    few = ("--rounds", "1", "--scale", "0.01")
    run = bench("--part", part, *few, "--state", str(tmp_path), "--json", str(file))
    assert run.returncode == 0, run.stdout + run.stderr
    figures = json.loads(file.read_text())
    goals = figures.pop("goals")
    expected, with_goal = PARTS[part]
    assert (set(figures), set(goals)) == (expected, with_goal)
    assert all(goal > 0 for goal in goals.values())
    assert all(figure > 0 for name, figure in figures.items() if name.endswith("_ratio"))
    assert [left.name for left in tmp_path.iterdir()] == [file.name]


def test_the_shares_of_a_call_to_blender_are_all_of_it(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    run = bench("--part", "blender", "--rounds", "1", "--scale", "0.1", "--state", str(tmp_path), "--json", str(file))
    assert run.returncode == 0, run.stdout + run.stderr
    figures = json.loads(file.read_text())
    for mode in ("headless", "window"):
        for command in ("look", "code"):
            shares = {share: figures[f"blender_{mode}_{command}_{share}_share"] for share in SHARES}
            assert sum(shares.values()) == pytest.approx(1, abs=0.01), shares
            assert all(share > 0 for share in shares.values()), shares
    assert figures["blender_headless_code_work_share"] > figures["blender_headless_look_work_share"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--rounds", "many"), "--rounds must be a whole number from 1, got many"),
        (("--scale", "2"), "--scale must be above 0 and at most 1, got 2"),
        (("--part", "speed"), "--part must be one of dispatch, growth, memory, cold, blender, got speed"),
    ],
)
def test_a_wrong_option_is_named(arguments: tuple[str, ...], complaint: str) -> None:
    run = bench(*arguments)
    assert run.returncode != 0 and complaint in run.stderr
