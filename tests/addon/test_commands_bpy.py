"""Commands on real Blender: the scene, parameters, the console, absent integrations."""

from __future__ import annotations

import math
from typing import Any

import pytest
from catalog_names import COMMANDS
from running import run

pytestmark = pytest.mark.bpy


def test_scene_info_names_the_factory_scene(bpy: Any) -> None:
    info = run("get_scene_info").document
    assert set(info) == {"name", "object_count", "objects", "materials_count", "mode", "active", "selected"}
    assert info["name"] == "Scene"
    assert info["object_count"] == 3
    assert {item["name"]: item["type"] for item in info["objects"]} == {
        "Cube": "MESH",
        "Light": "LIGHT",
        "Camera": "CAMERA",
    }
    assert [item["location"] for item in info["objects"] if item["name"] == "Cube"] == [[0.0, 0.0, 0.0]]


def test_scene_info_tells_mode_and_selection_and_object_info_counts_the_mesh_that_is_edited(bpy: Any) -> None:
    info = run("get_scene_info").document
    assert (info["mode"], info["active"], info["selected"]) == ("OBJECT", "Cube", ["Cube"])
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.subdivide()
    assert run("get_scene_info").document["mode"] == "EDIT_MESH"
    assert run("get_object_info", name="Cube").document["mesh"]["vertices"] == 26
    assert bpy.context.mode == "EDIT_MESH"


def test_scene_info_lists_ten_objects_and_counts_all(bpy: Any) -> None:
    for number in range(20):
        bpy.context.collection.objects.link(bpy.data.objects.new(f"Empty{number}", None))
    info = run("get_scene_info").document
    assert (info["object_count"], len(info["objects"])) == (23, 10)


def test_object_info_tells_transform_materials_and_mesh(bpy: Any) -> None:
    cube = bpy.data.objects["Cube"]
    cube.location = (1, 2, 3)
    cube.rotation_euler = (0, 0, math.pi)
    cube.scale = (2, 2, 2)
    info = run("get_object_info", name="Cube").document
    assert info["location"] == [1, 2, 3]
    assert info["rotation"] == [0, 0, 3.141593]
    assert info["scale"] == [2, 2, 2]
    assert info["visible"] is True
    assert info["materials"] == ["Material"]
    assert info["mesh"] == {"vertices": 8, "edges": 12, "polygons": 6}
    assert info["world_bounding_box"] == [pytest.approx([-1, 0, 1], abs=1e-5), pytest.approx([3, 4, 5], abs=1e-5)]


@pytest.mark.parametrize("mode", ["QUATERNION", "AXIS_ANGLE", "ZYX"])
def test_rotation_is_told_in_radians_whatever_the_mode(bpy: Any, mode: str) -> None:
    cube = bpy.data.objects["Cube"]
    cube.rotation_euler = (0, 0, 1)
    cube.rotation_mode = mode
    assert run("get_object_info", name="Cube").document["rotation"] == pytest.approx([0, 0, 1], abs=1e-5)


def test_object_without_mesh_has_no_mesh_fields(bpy: Any) -> None:
    info = run("get_object_info", name="Light").document
    assert "mesh" not in info
    assert "world_bounding_box" not in info


def test_object_outside_the_view_layer_is_not_visible(bpy: Any) -> None:
    bpy.data.objects.new("Loose", None)
    assert run("get_object_info", name="Loose").document["visible"] is False


def test_unknown_object_fails_and_similar_names_are_told(bpy: Any) -> None:
    outcome = run("get_object_info", name="cube")
    assert outcome.status == "failed"
    assert "Object not found: cube" in outcome.error
    assert "Cube" in outcome.error
    assert "Traceback" not in outcome.error


def test_non_finite_numbers_become_null(bpy: Any) -> None:
    bpy.data.objects["Cube"].location = (math.nan, 0, 1)
    assert run("get_object_info", name="Cube").document["location"] == [None, 0, 1]


def test_browse_index_lists_every_collection_of_this_blender(bpy: Any) -> None:
    index = run("browse_data").document
    rows = {row["name"]: row for row in index["collections"]}
    assert index["total"] == len(rows) > 30
    assert rows["objects"] == {"name": "objects", "count": 3, "type": "Object"}


def test_browse_pages_through_a_collection(bpy: Any) -> None:
    for number in range(120):
        bpy.data.objects.new(f"E{number:03}", None)
    seen = []
    for page in (1, 2, 3):
        document = run("browse_data", collection="objects", page=page, page_size=50).document
        seen += [item["name"] for item in document["items"]]
    assert (document["total_pages"], document["total_items"], document["page"]) == (3, 123, 3)
    assert sorted(seen) == sorted(item.name for item in bpy.data.objects)
    assert run("browse_data", collection="objects", page=9).document["items"] == []


@pytest.mark.parametrize("level", ["summary", "full"])
def test_every_item_of_every_collection_can_be_shown(bpy: Any, level: str) -> None:
    for row in run("browse_data").document["collections"]:
        page = run("browse_data", collection=row["name"], page_size=500, detail_level=level).document
        assert len(page["items"]) == min(row["count"], 500)


def test_browse_item_in_full_holds_its_properties(bpy: Any) -> None:
    item = run("browse_data", collection="cameras", item_name="Camera", detail_level="full").document["item"]
    assert item["properties"]["lens"] == 50.0
    assert item["properties"]["type"] == "PERSP"


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"collection": "nope"}, "bpy.data has no collection 'nope'"),
        ({"collection": "__class__"}, "has no collection"),
        ({"collection": "filepath"}, "has no collection"),
        ({"collection": "objects", "item_name": "nope"}, "no 'nope' in objects"),
        ({"item_name": "Cube"}, "item_name needs collection"),
        ({"page": 0}, "page must be an integer of at least 1, got 0"),
        ({"page": True}, "page must be an integer"),
        ({"page": 1.5}, "page must be an integer"),
        ({"page_size": 501}, "page_size must be an integer of 1 to 500, got 501"),
        ({"detail_level": "much"}, 'detail_level must be one of summary, full, got "much"'),
        ({"collection": 5}, "collection must be a string or null, got 5"),
        ({"colour": 5}, "unknown parameter 'colour'"),
    ],
)
def test_wrong_parameters_are_named_with_what_is_expected(bpy: Any, params: dict[str, Any], told: str) -> None:
    outcome = run("browse_data", **params)
    assert outcome.status == "failed"
    assert told in outcome.error
    assert "Traceback" not in outcome.error


def test_missing_parameter_is_named(bpy: Any) -> None:
    assert "parameter 'name' is missing" in run("get_object_info").error


def test_unknown_command_fails_with_the_text_clients_match(bpy: Any) -> None:
    assert run("make_coffee").error == "Unknown command type: make_coffee"


def test_commands_of_an_integration_that_is_off_fail_with_the_text_clients_match(bpy: Any) -> None:
    from addon.commands import registry

    integrated = [name for name, entry in registry.commands().items() if entry.integration is not None]
    assert len(integrated) > 8
    for command in integrated:
        outcome = run(command)
        assert outcome.status == "failed"
        assert outcome.error.startswith(f"Unknown command type: {command} (")
        assert "is switched off in the preferences" in outcome.error


@pytest.mark.parametrize("integration", ["polyhaven", "hyper3d", "sketchfab"])
def test_status_always_answers(bpy: Any, integration: str) -> None:
    document = run(f"get_{integration}_status").document
    assert document["enabled"] is False
    assert "is switched off; its user can switch it on" in document["message"]


def test_the_commands_are_those_of_the_catalog(bpy: Any) -> None:
    from addon.commands import registry

    assert set(registry.commands()) == set(COMMANDS)


def test_console_runs_code_and_its_output_can_be_read(bpy: Any) -> None:
    console = {"operation": "execute", "params": {"code": "for i in range(2):\n    print('n', i)"}}
    assert run("console_operations", **console).document == {"success": True, "message": "n 0\nn 1"}
    lines = run("get_console_output", level="output").document["lines"]
    assert {"text": "n 1", "type": "output", "source": "python_console"} in lines


def test_a_full_console_still_tells_what_is_new_and_where_code_failed(bpy: Any) -> None:
    run("console_operations", operation="append", params={"text": "\n".join(f"line {n}" for n in range(400))})
    console = {"operation": "execute", "params": {"code": "print(6 * 7)"}}
    assert run("console_operations", **console).document["message"] == "42"
    failing = run("console_operations", operation="execute", params={"code": "1 / 0\nprint('never')"})
    assert failing.status == "failed" and "ZeroDivisionError" in failing.error
    run("console_operations", operation="clear")


def test_console_info_lists_operations(bpy: Any) -> None:
    info = run("console_operations").document["info"]
    assert (info["has_console"], info["console_type"], info["background"]) == (True, "python", True)
    assert info["operations"]["execute"] == ["code"]


def test_console_append_and_clear(bpy: Any) -> None:
    run("console_operations", operation="clear")
    run("console_operations", operation="append", params={"text": "careful", "type": "ERROR"})
    assert run("get_console_output", level="error").document["console_output"] == "careful"
    run("console_operations", operation="clear")
    assert run("get_console_output").document["total_lines"] == 0


def test_without_a_console_the_output_of_jobs_is_still_told(bpy: Any) -> None:
    run("console_operations", operation="clear")
    for screen in bpy.data.screens:
        for area in screen.areas:
            if area.type == "CONSOLE":
                area.type = "INFO"
    run("execute_code", code="print('from a job')")
    document = run("get_console_output", level="output").document
    assert document["has_console"] is False
    assert document["lines"] == [{"text": "from a job", "type": "output", "source": "execute_code"}]
    outcome = run("console_operations", operation="execute", params={"code": "1"})
    assert outcome.status == "failed"
    assert "no Python console is open" in outcome.error


def test_console_pages_begin_with_the_newest_lines(bpy: Any) -> None:
    run("console_operations", operation="clear")
    run("execute_code", code="for i in range(120): print(i)")
    first = run("get_console_output", level="output").document
    assert [line["text"] for line in first["lines"]] == [str(i) for i in range(70, 120)]
    assert (first["total_pages"], first["total_lines"]) == (3, 120)
    third = run("get_console_output", level="output", page=3).document
    assert [line["text"] for line in third["lines"]] == [str(i) for i in range(20)]
    assert run("get_console_output", level="output", page=4).document["lines"] == []


def test_warnings_are_told_from_errors(bpy: Any) -> None:
    run("console_operations", operation="clear")
    run(
        "execute_code",
        code="import sys; print('x.py:1: UserWarning: hot', file=sys.stderr); print('bad', file=sys.stderr)",
    )
    assert any("hot" in line["text"] for line in run("get_console_output", level="warning").document["lines"])
    assert any(line["text"] == "bad" for line in run("get_console_output", level="error").document["lines"])


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"operation": "explode"}, "operation must be one of get_info"),
        ({"operation": "execute"}, "code must be a string"),
        ({"operation": "execute", "params": {"code": 5}}, "code must be a string"),
        ({"operation": "execute", "params": {"script": "1"}}, "'script' is unknown"),
        ({"operation": "append", "params": {"text": "x", "type": "LOUD"}}, "type must be one of"),
        ({"operation": "clear", "params": {"scrollback": "yes"}}, "must be true or false"),
        ({"operation": 5}, "operation must be a string"),
        ({"params": []}, "params must be an object or null"),
    ],
)
def test_wrong_console_operations_are_clear_errors(bpy: Any, params: dict[str, Any], told: str) -> None:
    outcome = run("console_operations", **params)
    assert outcome.status == "failed"
    assert told in outcome.error


def open_console(bpy: Any) -> None:
    area = max(bpy.context.window.screen.areas, key=lambda area: area.width * area.height)
    area.type = "CONSOLE"
    area.spaces.active.language = "python"


ORDINARY = '''
import math

def double(number):
    """Twice."""
    if number < 0:

        return -double(-number)

    return number * 2
print(double(21))
for part in (1, 2):
    print("part", part)

print(double(-3), math.pi > 3)
text = f"""a

{double(2)}"""; print(repr(text))
values = [
    1,

    2,
]
class Pair:
    left = 1

    def both(self): return self.left, 2
@staticmethod
def plain(): return Pair().both()
if values: print(plain(), values)
'''


def test_ordinary_code_of_several_statements_is_typed_right(bpy: Any) -> None:
    open_console(bpy)
    document = run("console_operations", operation="execute", params={"code": ORDINARY}).document
    assert document == {
        "success": True,
        "message": "42\npart 1\npart 2\n-6 True\n'a\\n\\n4'\n(1, 2) [1, 2]",
    }


@pytest.mark.parametrize(
    ("code", "told", "not_told"),
    [
        ("print('typed')\nx = (", "nothing was typed, for this is no Python", "typed\n"),
        ("print('one')\n1/0\nprint('two')", "one\nTraceback", "two"),
        ("for n in (1, 0):\n    print(1 / n)\n\n    print('next')", "ZeroDivisionError", "unexpected indent"),
    ],
)
def test_code_that_fails_in_the_console_is_a_failure(bpy: Any, code: str, told: str, not_told: str) -> None:
    open_console(bpy)
    outcome = run("console_operations", operation="execute", params={"code": code})
    assert outcome.status == "failed"
    assert told in outcome.error and not_told not in outcome.error


def test_a_page_that_is_too_long_names_the_page_size_that_fits(bpy: Any) -> None:
    for number in range(400):
        bpy.data.objects.new(f"{number} " + "x" * 50, None)
    params = {"collection": "objects", "detail_level": "full"}
    error = run("browse_data", page_size=500, **params).error
    fits = int(error.split("page_size=")[1].split(" ")[0])
    assert 50 < fits < 400
    outcome = run("browse_data", page_size=fits, **params)
    assert outcome.status == "completed" and len(outcome.result.encode()) <= 1_048_576


def test_linked_data_of_the_same_name_can_be_asked_for_and_missing_data_is_marked(bpy: Any, tmp_path: Any) -> None:
    library = tmp_path / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(library), copy=True)
    with bpy.data.libraries.load(str(library), link=True) as (_, wanted):
        wanted.objects = ["Cube"]
    bpy.context.scene.collection.objects.link(wanted.objects[0])
    main = tmp_path / "main.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(main))
    [row] = [row for row in run("browse_data", collection="objects").document["items"] if "library" in row]
    # Both are called Cube; each can be asked for.
    assert row["full_name"] == "Cube [library.blend]"
    own, linked = (run("get_object_info", name=name).document for name in ("Cube", row["full_name"]))
    assert "library" not in own and own["same_name"] == ["Cube [library.blend]"]
    assert linked["library"].endswith("library.blend") and linked["same_name"] == ["Cube"]
    item = run("browse_data", collection="objects", item_name="Cube [library.blend]").document["item"]
    assert item["library"] == linked["library"]
    assert "library" not in run("browse_data", collection="objects", item_name="Cube").document["item"]
    assert "not found" in run("get_object_info", name="Cube [other.blend]").error
    library.unlink()
    bpy.ops.wm.open_mainfile(filepath=str(main))
    rows = run("browse_data", collection="objects").document["items"]
    [linked] = [row for row in rows if "library" in row]
    assert linked["missing"] is True
    assert not any("missing" in row for row in rows if "library" not in row)
