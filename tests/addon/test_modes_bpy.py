"""Code that comes while its user is in another mode, on real Blender: it runs, and leaves the user where they were."""

from __future__ import annotations

from typing import Any

import pytest
from running import run

pytestmark = pytest.mark.bpy


def state(bpy: Any) -> tuple[str, str, list[str]]:
    layer = bpy.context.view_layer
    return layer.objects.active.mode, layer.objects.active.name, [item.name for item in layer.objects.selected]


@pytest.fixture
def editing(bpy: Any) -> Any:
    """The user edits the cube, with the light selected too."""
    from addon.commands.running import modes

    modes.forget()
    bpy.data.objects["Light"].select_set(True)
    bpy.ops.object.mode_set(mode="EDIT")
    assert state(bpy) == ("EDIT", "Cube", ["Cube", "Light"])
    return bpy


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("bpy.ops.mesh.primitive_uv_sphere_add()\nbpy.context.active_object.name = 'Ball'", ""),
        ("bpy.ops.object.light_add(type='SUN')\nprint(bpy.context.active_object.type)", "LIGHT\n"),
        ("print(bpy.ops.object.select_all(action='DESELECT'))", "{'FINISHED'}\n"),
        ("bpy.data.objects['Camera'].select_set(True)\nprint(bpy.ops.object.duplicate())", "{'FINISHED'}\n"),
        (
            "if bpy.context.mode != 'OBJECT': bpy.ops.object.mode_set(mode='OBJECT')\nbpy.ops.object.shade_smooth()",
            "{'FINISHED'}",
        ),
        (
            "bpy.data.objects['Cube'].modifiers.new('b', 'BEVEL')\nprint(bpy.ops.object.modifier_apply(modifier='b'))",
            "{'FINISHED'}\n",
        ),
        ("bpy.ops.object.mode_set(mode='OBJECT')\nbpy.data.meshes['Cube'].vertices[0].co.x = 9\nprint(1)", "1\n"),
        ("bpy.ops.object.select_all(action='DESELECT')\n1/0", None),
    ],
)
def test_what_needs_object_mode_runs_and_the_user_is_back_in_theirs(
    editing: Any, code: str, printed: str | None
) -> None:
    outcome = run("execute_code", code=code)
    expected = ("failed", "") if printed is None else ("completed", printed)
    assert (outcome.status, outcome.result) == expected, outcome.error
    assert state(editing) == ("EDIT", "Cube", ["Cube", "Light"])
    found = outcome.extra["changes"]
    assert (found["mode"], found["active"], found["selected"]) == ("EDIT_MESH", "Cube", ["Cube", "Light"])
    assert "mode" not in found["summary"] and "selection" not in found["summary"]


def test_a_new_object_is_one_of_its_own_and_not_part_of_the_mesh_that_is_edited(editing: Any) -> None:
    found = run("execute_code", code="bpy.ops.mesh.primitive_monkey_add(location=(5, 0, 0))").extra["changes"]
    assert {"type": "object", "name": "Suzanne"} in found["added"]
    assert run("get_object_info", name="Cube").document["mesh"]["vertices"] == 8


@pytest.mark.parametrize(
    ("code", "mode"),
    [
        ("bpy.ops.mesh.subdivide()", "EDIT"),
        ("bpy.ops.mesh.select_all(action='SELECT')\nbpy.ops.mesh.primitive_cube_add()", "EDIT"),
        ("bpy.ops.object.mode_set(mode='OBJECT')", "OBJECT"),
        ("bpy.ops.object.editmode_toggle()", "OBJECT"),
        ("print(1)\nif bpy.context.mode != 'OBJECT':\n    bpy.ops.object.mode_set(mode='OBJECT')", "OBJECT"),
        ("bpy.ops.object.mode_set(mode='SCULPT')", "SCULPT"),
        ("print(len(bpy.data.objects))", "EDIT"),
    ],
)
def test_code_for_the_users_mode_works_there_and_a_change_on_purpose_stays(editing: Any, code: str, mode: str) -> None:
    outcome = run("execute_code", code=code)
    assert outcome.status == "completed", outcome.error
    assert state(editing)[0] == mode
    if "subdivide" in code or "primitive" in code:
        assert run("get_object_info", name="Cube").document["mesh"]["vertices"] > 8


def test_what_works_in_neither_mode_says_so_of_the_users(editing: Any) -> None:
    error = run("execute_code", code="bpy.ops.pose.armature_apply()").error
    assert "poll() failed" in error and "mode EDIT_MESH" in error
    assert state(editing) == ("EDIT", "Cube", ["Cube", "Light"])


def test_objects_that_are_edited_together_are_so_again(bpy: Any) -> None:
    bpy.ops.mesh.primitive_cone_add()
    bpy.data.objects["Cube"].select_set(True)
    bpy.ops.object.mode_set(mode="EDIT")
    before = sorted(item.name for item in bpy.context.objects_in_mode)
    assert before == ["Cone", "Cube"]
    run("execute_code", code="bpy.ops.object.empty_add()")
    assert sorted(item.name for item in bpy.context.objects_in_mode) == before
    assert state(bpy)[:2] == ("EDIT", "Cone")


def test_sculpt_mode_comes_back_and_removing_what_was_edited_leaves_object_mode(editing: Any) -> None:
    editing.ops.object.mode_set(mode="SCULPT")
    assert run("execute_code", code="bpy.ops.object.empty_add()").status == "completed"
    assert state(editing)[:2] == ("SCULPT", "Cube")
    outcome = run("execute_code", code="bpy.ops.object.empty_add()\nbpy.data.objects.remove(bpy.data.objects['Cube'])")
    assert outcome.status == "completed", outcome.error
    assert editing.context.mode == "OBJECT"


def test_operators_look_as_ever_afterwards(editing: Any) -> None:
    before = editing.ops.__getattr__
    run("execute_code", code="bpy.ops.object.empty_add()\n1/0")
    assert editing.ops.__getattr__ is before
    assert "guards" not in type(editing.ops.object).__module__


def test_an_import_leaves_the_user_in_edit_mode(editing: Any, tmp_path: Any) -> None:
    from addon.commands.files.models import import_model

    path = tmp_path / "thing.glb"
    editing.ops.object.mode_set(mode="OBJECT")
    editing.ops.export_scene.gltf(filepath=str(path), use_selection=False)
    editing.ops.object.mode_set(mode="EDIT")
    assert import_model("test", path, tmp_path, [])
    assert state(editing) == ("EDIT", "Cube", ["Cube", "Light"])


def test_a_mode_that_a_job_has_entered_is_not_the_users(bpy: Any) -> None:
    from addon.commands.running import modes

    modes.forget()
    run("execute_code", code="bpy.ops.object.mode_set(mode='EDIT')")
    run("execute_code", code="bpy.ops.mesh.subdivide()")
    run("execute_code", code="bpy.ops.object.mode_set(mode='OBJECT')\nbpy.ops.object.select_all(action='DESELECT')")
    assert state(bpy) == ("OBJECT", "Cube", [])
    bpy.ops.object.mode_set(mode="EDIT")
    run("execute_code", code="bpy.ops.object.mode_set(mode='OBJECT')\nbpy.ops.object.select_all(action='DESELECT')")
    assert state(bpy) == ("EDIT", "Cube", [])
