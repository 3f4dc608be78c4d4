"""A Blender of its own in which Blender's own machinery has enabled the extension, and a script that operates it."""

from __future__ import annotations

from pathlib import Path

from processes import Program

MODULE = "bl_ext.user_default.blender_bus"

PRELUDE = f"""
import os, sys, threading, time
import bpy, addon_utils
assert addon_utils.enable({MODULE!r}, default_set=True) is not None
prefs = bpy.context.preferences.addons[{MODULE!r}].preferences
from {MODULE}.preferences import session

def drain_until(condition, seconds=15):
    # Timers do not fire without a window: the test turns the crank.
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        session._tick()
        time.sleep(0.01)
    assert condition()

def leave():
    addon_utils.disable({MODULE!r}, default_set=True)
    alive = [t.name for t in threading.enumerate() if t.name.startswith("blender-bus")]
    print("threads left:", alive, flush=True)
    os._exit(0)
"""


def blender(resources: Path, script: str, *arguments: str) -> Program:
    return Program("-c", PRELUDE + script, *arguments, env={"BLENDER_USER_RESOURCES": str(resources)}, cwd=resources)
