"""Every command that looks at objects, with 2,000 and with 20,000 of them: none grows faster than the objects do."""

from __future__ import annotations

import time
from typing import Any

import pytest
from running import run

pytestmark = pytest.mark.bpy

FEW, MANY = 2_000, 20_000
# Ten times the objects may take so many times as long; where it grew with the square, it would be a hundred times.
RATIO = 30.0
# Below this nothing can be told, in seconds of the processor.
LEAST = 0.004
COMMANDS: dict[str, tuple[str, dict[str, Any]]] = {
    "scene info": ("get_scene_info", {}),
    "object info": ("get_object_info", {"name": "o1"}),
    "no such object": ("get_object_info", {"name": "o99999"}),
    "index": ("browse_data", {}),
    "first page": ("browse_data", {"collection": "objects", "page_size": 100}),
    "last page": ("browse_data", {"collection": "objects", "page": 20, "page_size": 100}),
    "by name": ("browse_data", {"collection": "objects", "item_name": "o1"}),
    "code": ("execute_code", {"code": "bpy.data.objects['o1'].location.x += 1"}),
    "code without changes told": ("execute_code", {"code": "len(bpy.data.objects)", "changes": False}),
    "code in edit mode": ("execute_code", {"code": "bpy.ops.object.select_all(action='DESELECT')"}),
    "checkpoint": ("checkpoint", {}),
    "picture": ("get_viewport_screenshot", {"max_size": 32}),
    "subscription": ("msgbus_subscribe_rna", {"data_path": "data.objects['o1'].location"}),
    "console": ("get_console_output", {}),
}


def fill(bpy: Any, count: int) -> None:
    """A scene of empties, whose drawing takes no time."""
    bpy.ops.wm.read_homefile(use_empty=True)
    for number in range(count):
        bpy.context.scene.collection.objects.link(bpy.data.objects.new(f"o{number}", None))
    bpy.context.view_layer.objects.active = bpy.data.objects["o0"]
    bpy.context.view_layer.update()


def seconds(command: str, params: dict[str, Any]) -> float:
    """The best of three, of this process alone: the machine has other work."""
    found = []
    for _ in range(3):
        before = time.process_time()
        outcome = run(command, **params)
        found.append(time.process_time() - before)
        assert outcome.status == "completed" or "Object not found" in outcome.error, outcome.error
    return max(min(found), LEAST)


def test_no_command_grows_faster_than_the_objects(bpy: Any) -> None:
    if bpy.app.version >= (4, 3):
        pytest.skip("the same code on every Blender: one is enough for what takes long")
    from addon.commands.msgbus import subscriptions

    taken: dict[str, list[float]] = {}
    try:
        for count in (FEW, MANY):
            fill(bpy, count)
            for name, (command, params) in COMMANDS.items():
                taken.setdefault(name, []).append(seconds(command, params))
    finally:
        subscriptions.clear_all()
    ratios = {name: many / few for name, (few, many) in taken.items()}
    assert {name: round(ratio) for name, ratio in ratios.items() if ratio > RATIO} == {}, taken
