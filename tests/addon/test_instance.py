"""One name for each Blender that shares preferences with others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from conftest import ROOT

from addon.link.instance import InstanceName

OTHER = """
import sys
from pathlib import Path
from addon.link.instance import InstanceName
mine = InstanceName()
print(mine.hold("blender-x", Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


def other(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", OTHER, str(folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_second_blender_has_a_name_of_its_own_and_a_crash_frees_it(tmp_path: Path) -> None:
    mine = InstanceName()
    assert mine.hold("blender-x", tmp_path) == "blender-x"
    with other(tmp_path) as second:
        assert second.stdout is not None
        assert second.stdout.readline() == "blender-x-2\n"
        with other(tmp_path) as third:
            assert third.stdout is not None
            assert third.stdout.readline() == "blender-x-3\n"
            third.kill()
        second.kill()
    with other(tmp_path) as again:
        assert again.stdout is not None
        assert again.stdout.readline() == "blender-x-2\n"
        mine.release()
        again.kill()
    assert InstanceName().hold("blender-x", tmp_path) == "blender-x"


def test_name_stays_as_long_as_its_base(tmp_path: Path) -> None:
    mine = InstanceName()
    assert [mine.hold("blender-x", tmp_path) for _ in range(3)] == ["blender-x"] * 3
    assert mine.hold("blender-y", tmp_path) == "blender-y"
    assert InstanceName().hold("blender-x", tmp_path) == "blender-x"


def test_without_a_place_for_locks_the_name_is_the_base(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert InstanceName().hold("blender-x", blocked) == "blender-x"
