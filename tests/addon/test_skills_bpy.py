"""The skills (skills/*/): every block of Python runs by itself on this Blender, and prints what its comments say."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from running import run

pytestmark = pytest.mark.bpy

SKILLS = Path(__file__).resolve().parents[2] / "skills"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTS = re.compile(r"^print\(.*\)  # (.+)$", re.MULTILINE)
MAX_BYTES = 40_000


@dataclass(frozen=True)
class Block:
    file: Path
    number: int
    code: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(SKILLS)}:{self.number}"


FILES = sorted(SKILLS.rglob("*.md"))
BLOCKS = [Block(file, n, code) for file in FILES for n, code in enumerate(BLOCK.findall(file.read_text()), 1)]


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_of_a_skill_runs_by_itself_and_prints_what_it_says(bpy: Any, block: Block) -> None:
    expected = PRINTS.findall(block.code)
    assert expected, "a block shows what it prints, so that its claim is tested"
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        outcome = run("execute_code", code=block.code)
    assert outcome.error == ""
    assert outcome.result.splitlines() == expected
    assert [str(warning.message) for warning in warned if warning.category is DeprecationWarning] == []


def test_every_file_of_a_skill_has_blocks_and_no_tabs() -> None:
    assert {block.file for block in BLOCKS} == set(FILES)
    assert not [file for file in FILES if "\t" in file.read_text()]


def test_skills_stay_small_enough_to_be_carried_by_the_server() -> None:
    assert sum(file.stat().st_size for file in FILES) <= MAX_BYTES
