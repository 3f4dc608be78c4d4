"""What a client sees and measures of a Blender with a window, and that its user's view stays as it was.

    python3 tests/addon/window/seeing.py --pictures FOLDER

Run by hand, as run.py beside it. The pictures are to be looked at.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

from person import Together, drive

PNG = b"\x89PNG"
SCENE = """
import bpy
from mathutils import Vector
bpy.ops.mesh.primitive_monkey_add(location=(3, 0, 1))
bpy.context.object.name = 'Suzanne'
red = bpy.data.materials.new('Red')
red.diffuse_color = (0.8, 0.05, 0.05, 1)
bpy.context.object.data.materials.append(red)
bpy.ops.mesh.primitive_plane_add(size=12)
bpy.context.object.name = 'Floor'
camera = bpy.context.scene.camera
camera.location = (7, -7, 5)
camera.rotation_euler = (Vector((1, 0, 1)) - camera.location).to_track_quat('-Z', 'Y').to_euler()
"""
VIEW = (
    "import json\nr3d, space = bpy.context.space_data.region_3d, bpy.context.space_data\n"
    "place = [round(value, 4) for row in r3d.view_matrix for value in row]\n"
    "print(json.dumps([place, r3d.view_perspective, space.shading.type]))"
)


def answer(desk: Together, command: str, **params: Any) -> dict[str, Any]:
    """The result of a command that completes."""
    started = time.monotonic()
    update = desk.bus.ask(command, **params)
    assert update["status"] == "completed", update["error"]
    print(f"       {command} {json.dumps(params)[:80]}: {time.monotonic() - started:.1f} s", flush=True)
    return dict(json.loads(update["result"]))


def keep(desk: Together, name: str, found: dict[str, Any]) -> None:
    data = base64.b64decode(found["image"]["data"])
    assert len(data) > 2000, "an empty picture"
    (desk.pictures / f"{name}.{'png' if data.startswith(PNG) else 'jpg'}").write_bytes(data)


def views_leave_the_users_own(desk: Together) -> None:
    before = desk.run(VIEW)
    for shading in ("solid", "material", "wireframe"):
        found = answer(desk, "render_views", shading=shading)
        assert [view["angle"] for view in found["views"]] == ["persp", "front", "right", "top"]
        keep(desk, f"s-views-{shading}", found)
    keep(desk, "s-views-one", answer(desk, "render_views", target="Suzanne", views=["front", "camera"]))
    assert desk.run(VIEW) == before


def a_view_is_set_where_it_was_asked_for(desk: Together) -> None:
    for angle, shading in (("front", "wireframe"), ("top", "material"), ("persp", "solid")):
        found = answer(desk, "set_view", target="Suzanne", angle=angle, shading=shading)
        assert found["success"] is True
        desk.picture(f"s-set-{angle}")
        assert json.loads(desk.run(VIEW))[2] == {"material": "MATERIAL"}.get(shading, shading.upper())


def every_engine_renders(desk: Together) -> None:
    for engine in ("eevee", "workbench", "cycles"):
        found = answer(desk, "render", engine=engine, width=320, height=200, samples=4)
        assert (found["width"], found["height"]) == (320, 200), found
        print("      ", found["engine"], found["seconds"], "s")
        keep(desk, f"s-render-{engine}", found)


def what_is_there_is_told(desk: Together) -> None:
    tree = answer(desk, "get_scene_tree", detail="full")
    assert tree["total_objects"] == 5, tree["total_objects"]
    facts = answer(desk, "measure", names=["Suzanne", "Cube"])
    assert facts["objects"]["Cube"]["size"]["dimensions"] == [2, 2, 2], facts["objects"]["Cube"]
    info = answer(desk, "get_file_info")
    assert info["is_dirty"] is True, info
    found = answer(desk, "search_api", query="bevel width")
    assert any("Bevel" in match["path"] for match in found["matches"]), found["matches"]


CHECKS: tuple[Callable[[Together], None], ...] = (
    what_is_there_is_told,
    views_leave_the_users_own,
    a_view_is_set_where_it_was_asked_for,
    every_engine_renders,
)


if __name__ == "__main__":
    drive(CHECKS, "What a client sees of a Blender with a window.", SCENE)
