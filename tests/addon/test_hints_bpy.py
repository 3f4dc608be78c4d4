"""Errors that teach, on real Blender: every row of the tables by its old and its new code, and names like others."""

from __future__ import annotations

import re
from typing import Any

import pytest
from running import run

from addon.commands.hints import calls, data, explain, shading

pytestmark = pytest.mark.bpy

ROWS = (*shading.ROWS, *data.ROWS, *calls.ROWS)


def hints(outcome: Any) -> list[str]:
    return [line for line in outcome.error.splitlines() if line.startswith("Hint: ")]


def test_there_are_enough_rows_and_none_twice(bpy: Any) -> None:
    spoken = [row for row in ROWS if row.speaks_of(bpy.app.version)]
    assert len(spoken) >= 60
    assert len({(row.pattern, row.since) for row in ROWS}) == len(ROWS)
    assert explain.ROWS == ROWS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: re.sub(r"\W+", " ", row.pattern).strip())
def test_the_old_form_fails_with_the_hint_and_the_new_one_works(bpy: Any, row: Any) -> None:
    if not row.speaks_of(bpy.app.version):
        pytest.skip("not about this version")
    old = run("execute_code", code=row.old)
    assert old.status == "failed"
    version = ".".join(map(str, bpy.app.version[:2]))
    assert f"Hint: in Blender {version}: {row.words}" in hints(old), old.error
    bpy.ops.wm.read_factory_settings()
    new = run("execute_code", code=row.new)
    assert new.status == "completed", new.error


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("bpy.data.objects['cube']", "'Cube'"),
        ("name = 'Camra'\nbpy.data.objects[name]", "'Camera'"),
        ("bpy.data.objects['Cube'].locaton", "'location'"),
        ("bpy.context.scene.render.engines", "'engine'"),
        ("bpy.ops.mesh.primitive_cube_ad()", "bpy.ops.mesh.primitive_cube_add"),
        ("bpy.ops.object.primitive_cube_add()", "bpy.ops.mesh.primitive_cube_add"),
        ("bpy.context.scene.render.engine = 'CYCLE'", "'CYCLES'"),
        ("things = {'alpha': 1}\nthings['alhpa']", "'alpha'"),
        ("number = 1\nprint(numbr)", "'number'"),
        (
            "bpy.data.node_groups.new('g', 'ShaderNodeTree').nodes.new('ShaderNodeBsdfPrincipal')",
            "'ShaderNodeBsdfPrincipled'",
        ),
        ("bpy.data.materials['Material'].node_tree.nodes['Principled BSDF'].inputs['Base Colour']", "'Base Color'"),
    ],
)
def test_names_like_the_one_that_is_not_there_are_told(bpy: Any, code: str, told: str) -> None:
    [line] = hints(run("execute_code", code=code))
    assert line.startswith("Hint: did you mean ")
    assert told in line


@pytest.mark.parametrize(
    ("code", "found", "wanted"),
    [
        (
            "bpy.ops.mesh.subdivide()",
            "mode OBJECT, active object 'Cube' (MESH), 1 selected (Cube), area VIEW_3D",
            "Edit mode",
        ),
        (
            "bpy.ops.object.mode_set(mode='EDIT')\nbpy.ops.object.shade_smooth()\nbpy.ops.object.delete()",
            "mode EDIT_MESH",
            "want Object mode",
        ),
        (
            "bpy.context.view_layer.objects.active = None\nbpy.ops.object.mode_set(mode='EDIT')",
            "no active object",
            "it wants an active object",
        ),
        ("bpy.ops.node.select_all()", "area VIEW_3D", "NODE_EDITOR"),
        ("bpy.ops.pose.select_all()", "mode OBJECT", "mode='POSE'"),
    ],
)
def test_a_refused_operator_tells_what_it_found_and_wanted(bpy: Any, code: str, found: str, wanted: str) -> None:
    first, second = hints(run("execute_code", code=code))
    assert first.startswith("Hint: it found ") and found in first
    assert wanted in second


@pytest.mark.parametrize(
    "code",
    [
        "1/0",
        "raise ValueError('plain')",
        "class Odd:\n    def __dir__(self): raise RuntimeError('no')\nOdd().x",
        "class Odd(Exception):\n    def __str__(self): return 1/0\nraise Odd",
        "def f(): return {}\nf()['x']",
        "raise KeyError",
        "raise KeyError(5)",
        "x = (",
    ],
)
def test_other_errors_stay_as_they_are(bpy: Any, code: str) -> None:
    outcome = run("execute_code", code=code)
    assert outcome.status == "failed"
    assert hints(outcome) == []
    assert run("execute_code", code="print('alive')").result == "alive\n"


def test_nothing_of_the_code_runs_again_for_a_hint(bpy: Any) -> None:
    code = "ran = []\ndef f():\n    ran.append(1)\n    print(len(ran))\n    return {'abc': 1}\nf()['abd']"
    outcome = run("execute_code", code=code)
    assert outcome.error.endswith("Printed before the error:\n1\n")
