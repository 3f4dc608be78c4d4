"""Memory over jobs that tell what they changed. By hand, with bpy: `python tests/addon/memory.py [JOBS]`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

from running import run  # noqa: E402

STEADY_MB = 5.0
WARM_UP = 2000
CODE = (
    "bpy.ops.mesh.primitive_cube_add()\nitem = bpy.context.object\nitem.location.x = 2\nprint('x' * 1000)\n"
    "mesh = item.data\nbpy.data.objects.remove(item)\nbpy.data.meshes.remove(mesh)"
)


def resident_mb() -> float:
    """Return what this process keeps in memory (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024**2


def main() -> None:
    """Run the jobs, after some that fill what is bounded, such as the log of output."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for number in range(WARM_UP + count):
        if number == WARM_UP:
            before = resident_mb()
        outcome = run("execute_code", code=CODE)
        assert outcome.status == "completed" and "changes" in outcome.extra, outcome.error
    after = resident_mb()
    print(f"{count} jobs with what they changed: {before:.1f} -> {after:.1f} MB")
    sys.stdout.flush()
    os._exit(int(after - before > STEADY_MB))


main()
