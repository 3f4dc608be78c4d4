"""Scenes as they are found in the wild: each command that looks answers valid JSON of a bounded size, or says why not.

A table of scenes by a table of commands. What takes minutes (5 million vertices) is `large.py` beside this.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running import run

pytestmark = pytest.mark.bpy

MAX_BYTES = 512 * 1024
COMMANDS: dict[str, dict[str, Any]] = {
    "get_scene_tree": {"detail": "full", "page_size": 1000},
    "get_file_info": {},
    "search_api": {"query": "bevel width"},
    "set_view": {"target": "all", "angle": "front"},
    "render_views": {"views": ["persp", "top"], "max_size": 192},
    "measure": {},
    "render": {"width": 32, "height": 32, "samples": 1, "engine": "BLENDER_WORKBENCH"},
}
# A command that may refuse one of them, and the words it does that with.
MAY_REFUSE = {
    "set_view": "no window",
    "render": "no camera",
}
STRANGE = ["😀🎉 emoji", "quo\"te's\\back", "new\nline\ttab", "", "\x7f\x01", "../../etc", "<script>", "ü" * 127]
Builder = Callable[[Any, Path], None]


def names(bpy: Any, folder: Path) -> None:
    for name in STRANGE + ["x" * 255]:
        mesh = bpy.data.meshes.new(name)
        mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 1)], [], [(0, 1, 2)])
        item = bpy.data.objects.new(name, mesh)
        item.data.materials.append(bpy.data.materials.new(name))
        item.modifiers.new(name, "BEVEL")
        place = bpy.data.collections.new(name)
        bpy.context.scene.collection.children.link(place)
        place.objects.link(item)


def broken_drivers(bpy: Any, folder: Path) -> None:
    cube = bpy.data.objects["Cube"]
    for index, expression in enumerate(("nothing_of_this_name + 1", "1 / 0", "((")):
        cube.driver_add("location", index).driver.expression = expression
    variable = bpy.data.objects["Light"].driver_add("hide_viewport").driver.variables.new()
    variable.targets[0].id, variable.targets[0].data_path = cube, "no.such.path[3]"


def missing_library(bpy: Any, folder: Path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "library.blend"), copy=True)
    with bpy.data.libraries.load(str(folder / "library.blend"), link=True) as (there, wanted):
        wanted.objects = list(there.objects)
    for item in wanted.objects:
        bpy.context.scene.collection.objects.link(item)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "main.blend"))
    (folder / "library.blend").unlink()
    bpy.ops.wm.open_mainfile(filepath=str(folder / "main.blend"))


def overrides(bpy: Any, folder: Path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "library.blend"), copy=True)
    with bpy.data.libraries.load(str(folder / "library.blend"), link=True) as (_, wanted):
        wanted.objects = ["Cube"]
    bpy.context.scene.collection.objects.link(wanted.objects[0])
    wanted.objects[0].override_create(remap_local_usages=True).location.x = 3.0


def circle_of_constraints(bpy: Any, folder: Path) -> None:
    found = [bpy.data.objects[name] for name in ("Cube", "Camera", "Light")]
    for child, parent in zip(found, found[1:] + found[:1], strict=True):
        child.constraints.new("CHILD_OF").target = parent
        child.constraints.new("TRACK_TO").target = parent


def many_materials(bpy: Any, folder: Path) -> None:
    cube = bpy.data.objects["Cube"]
    for number in range(2000):
        cube.data.materials.append(bpy.data.materials.new(f"Material {number}"))


def no_data(bpy: Any, folder: Path) -> None:
    scene = bpy.context.scene.collection.objects
    for number in range(5):
        scene.link(bpy.data.objects.new(f"Empty {number}", None))
    scene.link(bpy.data.objects.new("No vertices", bpy.data.meshes.new("None")))
    scene.link(bpy.data.objects.new("No points", bpy.data.curves.new("None", "CURVE")))
    scene.link(bpy.data.objects.new("Bones", bpy.data.armatures.new("None")))
    scene.link(bpy.data.objects.new("Words", bpy.data.curves.new("None", "FONT")))


def several_scenes(bpy: Any, folder: Path) -> None:
    for number in range(20):
        scene = bpy.data.scenes.new(f"Scene {number}")
        scene.collection.objects.link(bpy.data.objects["Cube"])
        scene.collection.objects.link(bpy.data.objects.new(f"Only {number}", None))
    bpy.context.scene.background_set = bpy.data.scenes["Scene 3"]


def corrupt_image(bpy: Any, folder: Path) -> None:
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    for path in (folder / "broken.png", folder / "gone.png"):
        image = bpy.data.images.load(str(path)) if path.exists() else bpy.data.images.new("gone", 1, 1)
        image.source, image.filepath = "FILE", str(path)
        material = bpy.data.materials["Material"]
        node = material.node_tree.nodes.new("ShaderNodeTexImage")
        node.image = image
        shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
        material.node_tree.links.new(node.outputs["Color"], shader.inputs["Base Color"])


def not_a_number(bpy: Any, folder: Path) -> None:
    cube = bpy.data.objects["Cube"]
    cube.location = (math.nan, math.inf, -math.inf)
    other = bpy.data.objects.new("Vertices", cube.data.copy())
    bpy.context.scene.collection.objects.link(other)
    other.data.vertices[0].co = (math.nan, math.nan, math.inf)
    flat = bpy.data.objects.new("Flat", cube.data)
    bpy.context.scene.collection.objects.link(flat)
    flat.scale = (0.0, 0.0, 0.0)
    other["odd"] = math.nan
    huge = bpy.data.objects.new("Huge", cube.data)
    bpy.context.scene.collection.objects.link(huge)
    huge.scale = (1e30, 1e30, 1e30)


def camera_at_nan(bpy: Any, folder: Path) -> None:
    bpy.data.objects["Camera"].rotation_euler = (math.nan, 0.0, 0.0)
    bpy.data.objects["Camera"].data.lens = 1.0
    bpy.context.scene.unit_settings.scale_length = 1e-5


def nothing(bpy: Any, folder: Path) -> None:
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)


def deep(bpy: Any, folder: Path) -> None:
    parent = None
    place = bpy.context.scene.collection
    for number in range(300):
        item = bpy.data.objects.new(f"Link {number}", None)
        item.parent, parent = parent, item
        inner = bpy.data.collections.new(f"Inside {number}")
        place.children.link(inner)
        inner.objects.link(item)
        place = inner


SCENES: list[Builder] = [
    names, broken_drivers, missing_library, overrides, circle_of_constraints, many_materials, no_data, several_scenes,
    corrupt_image, not_a_number, camera_at_nan, nothing, deep,
]  # fmt: skip


def strictly(text: str) -> Any:
    """Read JSON as every client can: without NaN and Infinity."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("build", SCENES, ids=lambda build: build.__name__)
def test_each_command_answers_in_each_scene(bpy: Any, tmp_path: Path, build: Builder) -> None:
    bpy.context.preferences.filepaths.use_scripts_auto_execute = True
    build(bpy, tmp_path)
    bpy.context.view_layer.update()
    for command, params in COMMANDS.items():
        outcome = run(command, **params)
        if outcome.status == "failed":
            assert MAY_REFUSE.get(command, "-") in outcome.error, f"{command}: {outcome.error}"
            assert "Traceback" not in outcome.error
            continue
        assert outcome.status == "completed", command
        document = strictly(outcome.result)
        document.pop("image", None)
        assert len(json.dumps(document)) <= MAX_BYTES, command
