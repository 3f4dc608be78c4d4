"""A picture that is rendered without a window leaves the user's render, and what hangs on rendering, alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from running import run

from addon.commands.quiet import HANDLERS

pytestmark = pytest.mark.bpy


def last_render(bpy: Any, folder: Path) -> tuple[tuple[int, int], list[float]]:
    path = folder / "result.png"
    bpy.data.images["Render Result"].save_render(str(path))
    image = bpy.data.images.load(str(path))
    try:
        return tuple(image.size), list(image.pixels)
    finally:
        bpy.data.images.remove(image)


@pytest.mark.parametrize(
    ("command", "params"),
    [("get_viewport_screenshot", {"max_size": 64}), ("render_views", {"max_size": 128, "views": ["front"]})],
)
def test_the_last_render_stays_and_no_handler_is_called(
    bpy: Any, tmp_path: Path, command: str, params: dict[str, Any]
) -> None:
    scene = bpy.context.scene
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x, scene.render.resolution_y = 40, 20
    bpy.ops.render.render()
    before = last_render(bpy, tmp_path)
    called: list[str] = []
    handlers = {name: (lambda *_, name=name: called.append(name)) for name in HANDLERS}
    for name, handler in handlers.items():
        getattr(bpy.app.handlers, name).append(handler)
    try:
        assert run(command, **params).status == "completed"
        assert called == []
        assert last_render(bpy, tmp_path) == before
        bpy.ops.render.render()
        assert {"render_pre", "render_complete"} <= set(called), "they are there again"
    finally:
        for name, handler in handlers.items():
            getattr(bpy.app.handlers, name).remove(handler)
