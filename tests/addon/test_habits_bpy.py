"""What models write, on real Blender: each runs, and undo leaves the scene as before it, redo as after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from habits_of_models import BAD, HABITS, scene
from running import run

pytestmark = pytest.mark.bpy


@pytest.mark.parametrize("habit", HABITS)
def test_a_habit_runs_and_is_taken_back_and_done_again(bpy: Any, habit: str) -> None:
    from addon.commands.running.observed import push_step

    push_step("before")
    before = scene(bpy)
    outcome = run("execute_code", code=HABITS[habit])
    assert outcome.status == "completed", outcome.error
    push_step("the habit")
    after = scene(bpy)
    assert after != before or habit in ("cursor", "world", "uv", "shape key", "image")
    bpy.ops.ed.undo()
    assert scene(bpy) == before
    bpy.ops.ed.redo()
    assert scene(bpy) == after


@pytest.mark.parametrize("kind", BAD)
def test_bad_code_leaves_a_blender_that_works(bpy: Any, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    # One of them leaves the process in a folder that is gone.
    monkeypatch.chdir(Path(__file__).parent)

    handlers, modules = list(bpy.app.handlers.depsgraph_update_post), dict(sys.modules)
    limit, hooks = sys.getrecursionlimit(), (sys.excepthook, sys.displayhook, sys.gettrace())
    try:
        first = run("execute_code", code=BAD[kind])
        assert first.status in ("completed", "failed")
        assert first.status == "completed" or first.error
        moved = run("execute_code", code="bpy.context.scene.frame_set(7)\nprint(bpy.context.scene.frame_current)")
        assert (moved.status, moved.result) == ("completed", "7\n"), moved.error
        assert run("get_scene_info").status == "completed"
    finally:
        sys.modules.update(modules)
        sys.setrecursionlimit(limit)
        sys.excepthook, sys.displayhook = hooks[:2]
        sys.settrace(hooks[2])
        bpy.app.handlers.depsgraph_update_post[:] = handlers
