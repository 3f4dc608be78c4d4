"""A round of races; `python3 tests/torture/races.py` makes more."""

from __future__ import annotations

from pathlib import Path

from torture.races import race


def test_what_may_be_used_once_is_used_once_however_many_try_at_the_same_moment(tmp_path: Path) -> None:
    assert race(tmp_path, rounds=1, count=20) == 6
