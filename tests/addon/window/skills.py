"""Every block of the skills in an installed Blender: `blender --python tests/addon/window/skills.py`.

With or without -b. It prints each block that fails, and ends with their number. For versions without a Python module.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import traceback
import warnings
from pathlib import Path

import bpy

SKILLS = Path(__file__).resolve().parents[3] / "skills"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTS = re.compile(r"^print\(.*\)  # (.+)$", re.MULTILINE)


def failure(code: str) -> str:
    """What is wrong with a block that is run by itself on the factory scene; empty if nothing is."""
    bpy.ops.wm.read_factory_settings()
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)
            exec(compile(code, "block", "exec"), {"__name__": "__main__"})
    except Exception:
        return traceback.format_exc()
    expected = PRINTS.findall(code)
    lines = printed.getvalue().splitlines()
    said = [line for line in lines if line in expected or not line.startswith(("Fra:", "Saved"))]
    return "" if said == expected else f"printed {said}, not {expected}"


def main() -> None:
    failed = 0
    for file in sorted(SKILLS.rglob("*.md")):
        for number, code in enumerate(BLOCK.findall(file.read_text()), 1):
            if wrong := failure(code):
                failed += 1
                print(f"FAILED {file.relative_to(SKILLS)}:{number}\n{wrong}")
    print(f"Blender {bpy.app.version_string}: {failed} blocks failed")
    sys.stdout.flush()
    os._exit(min(failed, 100))


bpy.app.timers.register(main, first_interval=1.0) if not bpy.app.background else main()
