"""What a job did to the file, as it tells it, on real Blender; and the step of undo it becomes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from running import run

pytestmark = pytest.mark.bpy

MATERIAL = "m = bpy.data.materials['Material']\n"


def changes(code: str) -> dict[str, Any]:
    outcome = run("execute_code", code=code)
    assert outcome.status == "completed", outcome.error
    found: dict[str, Any] = outcome.extra["changes"]
    return found


def names(rows: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(row["type"], row["name"]) for row in rows]


def test_printing_changes_nothing(bpy: Any) -> None:
    found = changes("print(len(bpy.data.objects))")
    assert found.pop("selected") == ["Cube"]
    assert found == {"mode": "OBJECT", "frame": 1, "active": "Cube", "summary": "nothing changed"}


def test_what_is_added_removed_renamed_and_moved_is_told(bpy: Any) -> None:
    found = changes("bpy.ops.mesh.primitive_uv_sphere_add(location=(1, 2, 3))")
    assert names(found["added"]) == [("object", "Sphere"), ("mesh", "Sphere")]
    assert (found["active"], found["selected"]) == ("Sphere", ["Sphere"])
    found = changes("bpy.data.objects['Sphere'].name = 'Ball'")
    assert found["renamed"] == [{"type": "object", "name": "Ball", "from": "Sphere"}]
    found = changes("bpy.data.objects['Ball'].location.x += 1\nbpy.data.objects['Camera'].rotation_euler.x = 0")
    assert names(found["moved"]) == [("object", "Ball"), ("object", "Camera")]
    found = changes("bpy.data.objects.remove(bpy.data.objects['Ball'])")
    assert ("object", "Ball") in names(found["removed"])
    assert "added" not in found


@pytest.mark.parametrize(
    ("code", "kind", "name"),
    [
        ("bpy.data.objects['Cube'].modifiers.new('b', 'BEVEL')", "object", "Cube"),
        ("m = bpy.data.meshes['Cube']\nm.vertices[0].co.x = 9\nm.update()", "mesh", "Cube"),
        (f"{MATERIAL}m.diffuse_color = (1, 0, 0, 1)", "material", "Material"),
        (
            f"{MATERIAL}m.node_tree.nodes['Principled BSDF'].inputs[0].default_value = (1, 0, 0, 1)",
            "material",
            "Material",
        ),
        ("bpy.data.lights['Light'].energy = 5", "light", "Light"),
        ("bpy.ops.object.mode_set(mode='EDIT')\nbpy.ops.mesh.subdivide()", "mesh", "Cube"),
    ],
)
def test_what_is_changed_is_told(bpy: Any, code: str, kind: str, name: str) -> None:
    assert (kind, name) in names(changes(code)["changed"])


def test_what_is_changed_is_told_though_something_new_has_its_name(bpy: Any) -> None:
    code = "bpy.data.materials.new('Cube')\nm = bpy.data.meshes['Cube']\nm.vertices[0].co.x = 9\nm.update()"
    found = changes(code)
    assert ("material", "Cube") in names(found["added"]) and ("mesh", "Cube") in names(found["changed"])


def test_mode_frame_and_selection_are_told(bpy: Any) -> None:
    found = changes("bpy.context.scene.frame_set(7)\nbpy.ops.object.mode_set(mode='EDIT')")
    assert (found["mode"], found["frame"]) == ("EDIT_MESH", 7)
    assert "mode OBJECT -> EDIT_MESH; frame 1 -> 7" in found["summary"]
    found = changes("bpy.ops.object.mode_set(mode='OBJECT')\nbpy.ops.object.select_all(action='DESELECT')")
    assert found["selected"] == []


def test_twenty_names_are_told_and_how_many_more_there_are(bpy: Any) -> None:
    found = changes("for i in range(50): bpy.context.collection.objects.link(bpy.data.objects.new(f'e{i}', None))")
    assert (len(found["added"]), found["more"]) == (20, {"added": 30})
    assert "and 47 more" in found["summary"]


def test_a_failure_tells_what_it_did_before(bpy: Any) -> None:
    outcome = run("execute_code", code="bpy.data.objects['Cube'].location.x = 5\n1/0")
    assert names(outcome.extra["changes"]["moved"]) == [("object", "Cube")]


def test_changes_false_leaves_it_out(bpy: Any) -> None:
    assert "changes" not in run("execute_code", code="bpy.ops.mesh.primitive_cube_add()", changes=False).extra


def test_loading_another_file_is_told(bpy: Any) -> None:
    assert "removed" in changes("bpy.ops.wm.read_homefile(use_empty=True)")


def test_handlers_are_as_they_were(bpy: Any) -> None:
    before = len(bpy.app.handlers.depsgraph_update_post)
    changes("1")
    run("execute_code", code="1/0")
    assert len(bpy.app.handlers.depsgraph_update_post) == before


def fill(bpy: Any, count: int) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    for number in range(count):
        item = bpy.data.objects.new(f"o{number}", bpy.data.meshes.new("m"))
        bpy.context.scene.collection.objects.link(item)
    bpy.context.view_layer.update()


def test_ten_thousand_objects_cost_little(bpy: Any) -> None:
    """In terms of one plain look at all of them, which takes some 20 ms."""
    from addon.commands.running.changes import differences, fingerprint

    def both() -> None:
        before, after = fingerprint(), fingerprint()
        assert before is not None and after is not None
        differences(before, after, {})

    fill(bpy, 10_000)
    look = best(lambda: [(item.name, item.data.name, tuple(item.location)) for item in bpy.data.objects])
    assert best(both) < 3 * look


def best(work: Callable[[], object]) -> float:
    """The least processor time of ten tries."""
    seconds = []
    for _ in range(10):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)


def test_too_many_objects_are_left_out_and_it_says_so(bpy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from addon.commands.running import changes as module

    monkeypatch.setattr(module, "MAX_OBJECTS", 2)
    assert "left out" in changes("print(1)")["summary"]


@pytest.mark.parametrize(
    ("code", "writes"),
    [
        ("print(1)", False),
        ("x = [o.name for o in bpy.data.objects]\nx.append(1)", False),
        ("bpy.context.scene.render.fps = 30", True),
        ("bpy.context.scene['a'] = 1", True),
        ("bpy.ops.object.select_all(action='SELECT')", True),
        ("setattr(bpy.context.scene.render, 'fps', 30)", True),
        ("bpy.data.batch_remove(bpy.data.objects)", True),
        ("from bpy import ops\nops.object.delete()", True),
        ("from bpy.ops import object as o\no.delete()", True),
        ("bm.to_mesh(mesh)", True),
        ("rebuild()", True),
        ("def count(items):\n    return len(items)\nprint(count([1]))", False),
        ("x = (", False),
        # As servers look at a scene with scripts of their own: what they count in belongs to them.
        ("counts = {}\nfor o in bpy.data.objects:\n    counts[o.type] = counts.get(o.type, 0) + 1", False),
        ("seen = set()\nseen.add(1)\nseen.clear()\nbm = bmesh.new()\nbm.from_mesh(m)\nbm.free()", False),
        ("counts = {}\ncounts = bpy.context.scene\ncounts['a'] = 1", True),
        ("for counts in bpy.data.scenes:\n    counts['a'] = 1", True),
        ("found = {}\nfound['a']['b'] = 1", True),
        ("found = [bpy.context.scene]\nfound[0].name = 'x'", True),
        ("r = {}\nfor o in bpy.data.objects:\n    r[o.name] = o.type\nprint(r)", False),
        ("r: dict = dict()\nr['a'] = 1", False),
        ("rows = [list(o.location) for o in bpy.data.objects]\nrows[0] = 1", False),
        ("r = []\nr = bpy.data.objects['Cube']\nr['price'] = 1", True),
        ("r = [bpy.data.objects['Cube'].location]\nr[0][2] = 1", True),
        ("def f(r):\n    r['a'] = 1\nr = {}\nf(bpy.data.objects['Cube'])", True),
        ("for r in bpy.data.objects:\n    r['a'] = 1\nr = {}", True),
    ],
)
def test_code_that_may_write_is_told_from_code_that_only_looks(bpy: Any, code: str, writes: bool) -> None:
    from addon.commands.source import may_write

    assert may_write(code) is writes


def test_a_step_is_undone_and_redone_as_a_whole_and_bears_client_and_first_line(bpy: Any) -> None:
    from addon.commands.running.observed import push_step, step_name
    from addon.link.queue.control import JobControl
    from addon.link.records import Job, Origin

    control = JobControl(Job("j-1", "execute_code", {}, origin=Origin("bus:g", "'Claude'")), lambda *_: None)
    code = "import bpy\n# build\nbpy.ops.mesh.primitive_cube_add()\n" + "x" * 200
    assert step_name(control, code) == "'Claude': bpy.ops.mesh.primitive_cube_add()"
    push_step("before")
    run("execute_code", code="bpy.ops.mesh.primitive_monkey_add()\nbpy.data.objects['Cube'].location.x = 4")
    push_step(step_name(control, code))
    bpy.ops.ed.undo()
    assert ("Suzanne" in bpy.data.objects, bpy.data.objects["Cube"].location.x) == (False, 0.0)
    bpy.ops.ed.redo()
    assert ("Suzanne" in bpy.data.objects, bpy.data.objects["Cube"].location.x) == (True, 4.0)
